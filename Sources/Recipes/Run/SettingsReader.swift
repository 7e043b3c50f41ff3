// SPDX-License-Identifier: Apache-2.0
import Files
import Reports
import Synchronization

/// Reads one mapping of a run file key by key, and keeps account: of what it was asked for, so that a key nobody asks
/// for is refused, and of what each key came to, so that the run as resolved can be written down.
final class SettingsReader {
  /// State that all readers of one file share.
  private final class Account {
    let document: SettingsDocument
    /// Whether what is asked for is noted, too: only where the schema is wanted.
    let describes: Bool
    var unknown: [(section: SettingsReader, key: String)] = []
    var sections: [SettingsReader] = []
    init(_ document: SettingsDocument, describes: Bool) { (self.document, self.describes) = (document, describes) }
  }

  private let account: Account
  private var values: JSONObject
  /// Names of earlier versions that the file has in place of these keys.
  private var oldNames: [String: String] = [:]
  private let keyPath: String
  private var asked: [String] = []
  private var resolved = JSONObject()
  /// What was asked for, and how.
  private(set) var schema = SettingsSchema()

  /// The file that is read.
  var document: SettingsDocument { account.document }

  /// The file's root.
  convenience init(_ document: SettingsDocument, describes: Bool = false) throws {
    try self.init(Account(document, describes: describes), document.root, "")
  }

  private init(_ account: Account, _ value: JSON, _ keyPath: String) throws {
    self.account = account
    self.keyPath = keyPath
    switch value {
    case .null: values = JSONObject()
    case .object(let object): values = object
    default:
      values = JSONObject()
      throw error(nil, expected: "keys and values", found: value.summary)
    }
    account.sections.append(self)
    try takeOldNames()
  }

  /// Puts values under names of earlier versions where they belong, with a note for each.
  private func takeOldNames() throws {
    let place = keyPath.replacing(/\[[0-9]+\]/, with: "")
    for (old, new) in renamedKeys[place] ?? [] {
      guard let value = values[old] else { continue }
      guard values[new] == nil else {
        throw error(old, expected: "\(new) alone, as \(old) is called now", found: "both")
      }
      values = JSONObject(values.members.map { ($0.key == old ? new : $0.key, $0.value) })
      oldNames[new] = old
      // Runs of earlier versions have written down that there was none.
      guard value != .null else { continue }
      noteOnce("\(account.document.path): \(path(new)) is called \(new) now; the old name works for one more version")
    }
  }

  // MARK: Values

  /// The value under a key, nil if it is absent or null.
  ///
  /// - Parameters:
  ///   - expected: what is allowed, if not everything of the type.
  ///   - isAllowed: whether a value is.
  func optional<T: SettingValue>(
    _ key: String, _ expected: String? = nil, where isAllowed: (T) -> Bool = { _ in true }
  ) throws -> T? {
    asked.append(key)
    describe(key, SettingsSchema(leaf: T.schema, words: expected))
    guard let json = values[key], json != .null else {
      resolved[key] = .null
      return nil
    }
    guard let value = T(setting: json), isAllowed(value) else {
      let remedy =
        if case .string(let text) = json, let near = nearestName(to: text, among: T.names) {
          "Did you mean \(near)?"
        } else { "" }
      throw error(key, expected: expected ?? T.expected, found: json.summary, remedy: remedy)
    }
    resolved[key] = value.setting
    return value
  }

  /// Whether a key is there, and null.
  func isNull(_ key: String) -> Bool { values[key] == .null }

  /// The value under a key, or another if it is absent.
  func value<T: SettingValue>(
    _ key: String, default other: T, _ expected: String? = nil, where isAllowed: (T) -> Bool = { _ in true }
  ) throws -> T {
    // The first to ask says it all.
    describe(key, SettingsSchema(leaf: T.schema, absent: other.setting, words: expected))
    guard let value = try optional(key, expected, where: isAllowed) else {
      resolved[key] = other.setting
      return other
    }
    return value
  }

  /// The value under a key that must be there.
  func required<T: SettingValue>(
    _ key: String, _ expected: String? = nil, where isAllowed: (T) -> Bool = { _ in true }
  ) throws -> T {
    describe(key, SettingsSchema(leaf: T.schema, isRequired: true, words: expected))
    guard let value = try optional(key, expected, where: isAllowed) else {
      let near = nearestName(to: key, among: values.members.map(\.key))
      throw error(
        key, expected: expected ?? T.expected, found: "no such key",
        remedy: near.map { "Did you mean it by \"\($0)\"?" } ?? "Add `\(key): …`.")
    }
    return value
  }

  // MARK: Structure

  /// The mapping under a key; an absent one is empty.
  func section<S>(_ key: String, _ read: (SettingsReader) throws -> S) throws -> S {
    asked.append(key)
    let reader = try SettingsReader(account, values[key] ?? .null, path(key))
    let section = try read(reader)
    reader.noteUnknown()
    resolved[key] = .object(reader.resolved)
    describe(key, reader.schema)
    return section
  }

  /// The mapping under a key, nil if it is absent.
  func optionalSection<S>(_ key: String, _ read: (SettingsReader) throws -> S) throws -> S? {
    guard values[key] ?? .null != .null else {
      asked.append(key)
      resolved[key] = .null
      return nil
    }
    return try section(key, read)
  }

  /// The mappings of a list under a key; an absent one is empty.
  func sections<S>(_ key: String, _ read: (SettingsReader) throws -> S) throws -> [S] {
    asked.append(key)
    guard let json = values[key], json != .null else {
      resolved[key] = .array([])
      return []
    }
    guard case .array(let elements) = json else {
      throw error(key, expected: "a list, each element after a dash", found: json.summary)
    }
    var results = [S](), all = [JSON]()
    for (index, element) in elements.enumerated() {
      let reader = try SettingsReader(account, element, path("\(key)[\(index)]"))
      results.append(try read(reader))
      reader.noteUnknown()
      all.append(.object(reader.resolved))
      var element = reader.schema
      element.isList = true
      describe(key, element)
    }
    resolved[key] = .array(all)
    return results
  }

  /// The mapping or single word under a key: `distance: squared` means `distance: { name: squared }`.
  func wordOrSection<S>(
    _ key: String, word: String, default other: String?, _ read: (SettingsReader) throws -> S
  ) throws -> S {
    asked.append(key)
    var value = values[key] ?? .null
    if case .string = value { value = .object(JSONObject([(word, value)])) }
    if value == .null, let other { value = .object(JSONObject([(word, .string(other))])) }
    let reader = try SettingsReader(account, value, path(key))
    let section = try read(reader)
    reader.noteUnknown()
    resolved[key] = .object(reader.resolved)
    var either = reader.schema
    either.word = word
    if let other { either.absent = .string(other) }
    describe(key, either)
    return section
  }

  /// As ``wordOrSection(_:word:default:_:)``, nil if the key is absent.
  func optionalWordOrSection<S>(_ key: String, word: String, _ read: (SettingsReader) throws -> S) throws -> S? {
    guard values[key] ?? .null != .null else {
      asked.append(key)
      resolved[key] = .null
      return nil
    }
    return try wordOrSection(key, word: word, default: nil, read)
  }

  /// Ends the reading of the whole file.
  ///
  /// - Returns: every key with what it came to.
  /// - Throws: `InputError` naming the first key that nothing asked for, with the one that was probably meant.
  func finish() throws -> JSON {
    noteUnknown()
    guard let (section, key) = account.unknown.first else { return .object(resolved) }
    let here = Set(section.asked)
    var remedy = "Known here: \(section.asked.joined(separator: ", "))."
    if let near = nearestName(to: key, among: here) {
      remedy = "Did you mean \(near)?"
    } else if let other = account.sections.first(where: { $0.asked.contains(key) }) {
      remedy = "It belongs to \(other.path(key))."
    } else if let (other, near) = account.sections.lazy.compactMap({ other in
      nearestName(to: key, among: other.asked).map { (other, $0) }
    }).first {
      remedy = "Did you mean \(other.path(near))?"
    }
    throw section.error(key, expected: "a key that dist2 knows", found: "\"\(key)\"", remedy: remedy)
  }

  /// Notes what is asked for, where that is wanted: most files are only read.
  private func describe(_ key: String, _ asked: @autoclosure () -> SettingsSchema) {
    if account.describes { schema.add(key, asked()) }
  }

  /// What a run file is asked for, section by section.
  static func schema(of yaml: String) throws -> SettingsSchema {
    let reader = try SettingsReader(SettingsDocument(yaml: yaml, path: "specimen"), describes: true)
    _ = try RunSettings(reader)
    return reader.schema
  }

  /// Error about the value of a key (nil: with the whole mapping).
  func error(_ key: String?, expected: String, found: String, remedy: String = "") -> InputError {
    account.document.error(
      at: key.map { self.path($0) } ?? keyPath, expected: expected, found: found, remedy: remedy)
  }

  /// Path of a key by the name that the file has for it.
  private func path(_ key: String) -> String {
    let name = oldNames[key] ?? key
    return keyPath.isEmpty ? name : "\(keyPath).\(name)"
  }

  private func noteUnknown() {
    for (key, _) in values.members where !asked.contains(key) { account.unknown.append((self, key)) }
  }
}

/// Keys of earlier versions by the section they stand in: old and new name. They are read for one version.
private let renamedKeys: [String: [(old: String, new: String)]] = [
  "data": [("squarePictures", "squareImages")],
  "metrics.where": [("marks", "delimiters")],
  "reward": [("facets", "attributes")],
]

private let noted = Mutex<Set<String>>([])

/// Writes a note to standard error, once however often a file is read.
private func noteOnce(_ text: String) {
  guard noted.withLock({ $0.insert(text).inserted }) else { return }
  Terminal.standardError.write("note: \(text)\n")
}

extension JSONObject {
  fileprivate init(_ members: [(String, JSON)]) {
    self.init()
    for (key, value) in members { self[key] = value }
  }
}
