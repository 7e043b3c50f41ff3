// SPDX-License-Identifier: Apache-2.0
import Files
import Reports
import Synchronization

/// Fills settings from one mapping of a run file, key by key, and keeps account of what it was asked for, so that a key
/// nobody asks for is refused.
final class SettingsReader: SettingsKeys {
  /// State that all readers of one file share.
  private final class Account {
    let document: SettingsDocument
    var unknown: [(section: SettingsReader, key: String)] = []
    var sections: [SettingsReader] = []
    init(_ document: SettingsDocument) { self.document = document }
  }

  private let account: Account
  private var values: JSONObject
  /// Names of earlier versions that the file has in place of these keys.
  private var oldNames: [String: String] = [:]
  private let keyPath: String
  /// The key whose value the file has as a single word in place of the mapping: `tokens: digits`.
  private var word: String?
  private var asked: [String] = []

  var isReading: Bool { true }
  var folder: String { absolutePath(parentFolder(of: account.document.path)) }

  /// The file's root.
  convenience init(_ document: SettingsDocument) throws { try self.init(Account(document), document.root, "") }

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

  /// The value that the file has under a key, nil if it is absent or null.
  private func given<T: SettingValue>(_ key: String, _ allowed: Allowed<T>) throws -> T? {
    asked.append(key)
    guard let json = values[key], json != .null else { return nil }
    guard let value = T(setting: json), allowed.contains(value) else {
      let expected = allowed.words ?? T.expected
      if let fault = T.fault(in: json, allowed.contains) {
        throw account.document.error(
          at: path(key) + fault.path, expected: fault.expected ?? expected, found: fault.found, remedy: fault.remedy)
      }
      throw error(key, expected: expected, found: json.summary, remedy: T.remedy(for: json))
    }
    return value
  }

  func value<T: SettingValue>(_ key: String, _ value: inout T, _ allowed: Allowed<T>) throws {
    if let given = try given(key, allowed) { value = given }
  }

  func value<T: SettingValue>(_ key: String, _ value: inout T?, _ allowed: Allowed<T>) throws {
    if let given = try given(key, allowed) { value = given }
  }

  func required<T: SettingValue>(_ key: String, _ value: inout T, _ allowed: Allowed<T>) throws {
    guard let given = try given(key, allowed) else {
      let near = nearestName(to: key, among: values.members.map(\.key))
      throw error(
        key, expected: allowed.words ?? T.expected, found: "no such key",
        remedy: near.map { "Did you mean it by \"\($0)\"?" } ?? "Add `\(key): …`.")
    }
    value = given
  }

  func isNull(_ key: String) -> Bool { values[key] == .null }

  func shown(_ path: String) -> String { path }

  // MARK: Structure

  func section(_ key: String, _ section: inout some SettingsSection) throws {
    asked.append(key)
    try read(values[key] ?? .null, path(key), &section)
  }

  func optionalSection<S: SettingsSection>(_ key: String, _ section: inout S?, new: S) throws {
    asked.append(key)
    guard let value = values[key], value != .null else { return }
    var read = new
    try self.read(value, path(key), &read)
    section = read
  }

  func sections<S: SettingsSection>(_ key: String, _ sections: inout [S], new: S) throws {
    asked.append(key)
    guard let json = values[key], json != .null else { return }
    guard case .array(let elements) = json else {
      throw error(key, expected: "a list, each element after a dash", found: json.summary)
    }
    sections = try elements.enumerated().map { index, element in
      var section = new
      try read(element, path("\(key)[\(index)]"), &section)
      return section
    }
  }

  func wordOrSection(_ key: String, word: String, _ section: inout some SettingsSection, isRequired: Bool) throws {
    asked.append(key)
    var value = mapping(under: key, word: word)
    // What is absent is read as it would be written.
    if value == .null, !isRequired { value = SettingsWriter.tree(of: section) }
    try read(value, path(key), &section, word: isWord(key) ? word : nil)
  }

  func optionalWordOrSection<S: SettingsSection>(_ key: String, word: String, _ section: inout S?, new: S) throws {
    asked.append(key)
    let value = mapping(under: key, word: word)
    guard value != .null else { return }
    var read = new
    try self.read(value, path(key), &read, word: isWord(key) ? word : nil)
    section = read
  }

  private func isWord(_ key: String) -> Bool { if case .string = values[key] { true } else { false } }

  private func mapping(under key: String, word: String) -> JSON {
    let value = values[key] ?? .null
    guard case .string = value else { return value }
    return .object(JSONObject([(word, value)]))
  }

  private func read(
    _ value: JSON, _ path: String, _ section: inout some SettingsSection, word: String? = nil
  ) throws {
    let reader = try SettingsReader(account, value, path)
    reader.word = word
    try section.visit(reader)
    reader.noteUnknown()
  }

  /// Ends the reading of the whole file.
  ///
  /// - Throws: `InputError` naming the first key that nothing asked for, with the one that was probably meant.
  func finish() throws {
    noteUnknown()
    guard let (section, key) = account.unknown.first else { return }
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

  func error(_ key: String?, expected: String, found: String, remedy: String) -> InputError {
    account.document.error(
      at: key.map { self.path($0) } ?? keyPath, expected: expected, found: found, remedy: remedy)
  }

  /// Path of a key by the name that the file has for it.
  private func path(_ key: String) -> String {
    let name = oldNames[key] ?? key
    if key == word { return keyPath }
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
  Terminal.standardError.note(text)
}

extension JSONObject {
  fileprivate init(_ members: [(String, JSON)]) {
    self.init()
    for (key, value) in members { self[key] = value }
  }
}
