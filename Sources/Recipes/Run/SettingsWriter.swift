// SPDX-License-Identifier: Apache-2.0
import Files

/// Writes settings down as one mapping of a run file, every key with what it comes to; and describes what the file may
/// say.
final class SettingsWriter: SettingsKeys {
  /// The mapping.
  private(set) var tree = JSONObject()
  /// What its keys may hold. Values are taken for defaults.
  private(set) var schema = SettingsSchema()
  /// Whether the schema is wanted.
  private let describes: Bool
  /// Keys that are left out where they have these values; nil: all are written.
  private let defaults: JSONObject?
  let folder: String
  /// Whether paths in ``folder`` are written as seen from it, so that it may be moved.
  private let isMovable: Bool

  var isReading: Bool { false }

  /// - Parameters:
  ///   - describes: whether the schema is wanted, too.
  ///   - defaults: keys that are left out where they have these values.
  ///   - folder: the file's folder, in which paths are relative; nil: all are absolute.
  init(describes: Bool = false, omitting defaults: JSONObject? = nil, folder: String? = nil) {
    (self.describes, self.defaults) = (describes, defaults)
    (self.folder, isMovable) = (absolutePath(folder ?? "."), folder != nil)
  }

  /// Settings as a mapping.
  static func tree(of section: some SettingsSection) -> JSON {
    var section = section
    return .object(SettingsWriter().write(&section))
  }

  /// Writes a section with all its keys.
  ///
  /// - Returns: the mapping.
  func write(_ section: inout some SettingsSection) -> JSONObject {
    do { try section.visit(self) } catch { preconditionFailure("settings are checked where they are read: \(error)") }
    return tree
  }

  // MARK: Values

  func value<T: SettingValue>(_ key: String, _ value: inout T, _ allowed: Allowed<T>) {
    describe(key, SettingsSchema(leaf: T.schema, absent: value.setting, words: allowed.words))
    keep(key, value.setting)
  }

  func value<T: SettingValue>(_ key: String, _ value: inout T?, _ allowed: Allowed<T>) {
    describe(key, SettingsSchema(leaf: T.schema, words: allowed.words))
    keep(key, value?.setting ?? .null)
  }

  func required<T: SettingValue>(_ key: String, _ value: inout T, _ allowed: Allowed<T>) {
    describe(key, SettingsSchema(leaf: T.schema, isRequired: true, words: allowed.words))
    tree[key] = value.setting
  }

  func isNull(_ key: String) -> Bool { false }

  // MARK: Structure

  func section(_ key: String, _ section: inout some SettingsSection) {
    let writer = below(key), mapping = writer.write(&section)
    describe(key, writer.schema)
    if defaults == nil || mapping.count > 0 { tree[key] = .object(mapping) }
  }

  func optionalSection<S: SettingsSection>(_ key: String, _ section: inout S?, new: S) {
    describe(key, as: new)
    write(optional: key, &section, omitting: defaults.map { _ in keys(of: new) })
  }

  func sections<S: SettingsSection>(_ key: String, _ sections: inout [S], new: S) {
    if describes { describe(key, as: new) { $0.isList = true } }
    let defaults = defaults.map { _ in keys(of: new) }
    var all = [JSON]()
    for index in sections.indices { all.append(.object(writer(omitting: defaults).write(&sections[index]))) }
    keep(key, .array(all))
  }

  func wordOrSection(_ key: String, word: String, _ section: inout some SettingsSection, isRequired: Bool) {
    // What stands there is read by itself, so all of it is written, or nothing.
    let writer = writer(omitting: nil), mapping = writer.write(&section)
    if describes {
      var schema = writer.schema
      (schema.word, schema.isRequired) = (word, isRequired)
      if !isRequired { schema.absent = mapping[word] }
      describe(key, schema)
    }
    if isRequired || .object(mapping) != defaults?[key] { tree[key] = briefly(mapping, word: word) }
  }

  func optionalWordOrSection<S: SettingsSection>(_ key: String, word: String, _ section: inout S?, new: S) {
    if describes { describe(key, as: new) { $0.word = word } }
    guard var some = section else { return keep(key, .null) }
    let mapping = writer(omitting: nil).write(&some)
    section = some
    keep(key, briefly(mapping, word: word))
  }

  // MARK: Paths and errors

  func shown(_ path: String) -> String {
    let path = pathInRunFile(path, from: ".")
    guard isMovable, path.hasPrefix(folder + "/") else { return path }
    let inside = String(path.dropFirst(folder.count + 1))
    return inside.hasPrefix("~") ? path : inside
  }

  func error(_ key: String?, expected: String, found: String, remedy: String) -> InputError {
    InputError(path: "settings", place: key ?? "", expected: expected, found: found, remedy: remedy)
  }

  // MARK: Parts

  private func writer(omitting defaults: JSONObject?) -> SettingsWriter {
    SettingsWriter(describes: describes, omitting: defaults, folder: isMovable ? folder : nil)
  }

  private func below(_ key: String) -> SettingsWriter {
    guard case .object(let mapping)? = defaults?[key] else { return writer(omitting: nil) }
    return writer(omitting: mapping)
  }

  private func write<S: SettingsSection>(optional key: String, _ section: inout S?, omitting defaults: JSONObject?) {
    guard var some = section else { return keep(key, .null) }
    keep(key, .object(writer(omitting: defaults).write(&some)))
    section = some
  }

  /// Keeps a value, unless it may be left out.
  private func keep(_ key: String, _ value: JSON) {
    if defaults.map({ value != $0[key] ?? .null }) ?? true { tree[key] = value }
  }

  /// Where keys may be left out: those with a value, and one word instead of a mapping that says no more.
  private func briefly(_ mapping: JSONObject, word: String) -> JSON {
    guard defaults != nil else { return .object(mapping) }
    let given = mapping.members.filter { $0.value != .null }
    if given.count == 1, given[0].key == word { return given[0].value }
    return .object(given.reduce(into: JSONObject()) { $0[$1.key] = $1.value })
  }

  private func keys(of section: some SettingsSection) -> JSONObject {
    var section = section
    return SettingsWriter().write(&section)
  }

  private func describe(_ key: String, _ asked: @autoclosure () -> SettingsSchema) {
    if describes { schema.add(key, asked()) }
  }

  private func describe(
    _ key: String, as new: some SettingsSection, _ change: (inout SettingsSchema) -> Void = { _ in }
  ) {
    guard describes else { return }
    var new = new
    let writer = SettingsWriter(describes: true)
    _ = writer.write(&new)
    var schema = writer.schema
    change(&schema)
    self.schema.add(key, schema)
  }
}
