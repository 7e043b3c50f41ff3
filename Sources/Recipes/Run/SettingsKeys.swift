// SPDX-License-Identifier: Apache-2.0
import Files

/// The keys of one mapping of a run file. Settings name them one after the other, each with the property that holds its
/// value, and say so once for everything: ``SettingsReader`` fills the properties from a file, ``SettingsWriter`` writes
/// down what they hold and describes what a file may say.
///
/// The default of a key is what its property holds before it is read, so that it stands in one place: the initialiser of
/// the settings.
protocol SettingsKeys: AnyObject {
  /// Whether properties are filled.
  var isReading: Bool { get }
  /// Folder that relative paths are seen from.
  var folder: String { get }

  /// The value under a key; where it is absent or null, the property stays as it is.
  func value<T: SettingValue>(_ key: String, _ value: inout T, _ allowed: Allowed<T>) throws
  /// As above, of a key without a default.
  func value<T: SettingValue>(_ key: String, _ value: inout T?, _ allowed: Allowed<T>) throws
  /// The value under a key that must be there.
  func required<T: SettingValue>(_ key: String, _ value: inout T, _ allowed: Allowed<T>) throws
  /// Whether the file has a key, and null under it.
  func isNull(_ key: String) -> Bool

  /// The mapping under a key; an absent one is empty.
  func section(_ key: String, _ section: inout some SettingsSection) throws
  /// The mapping under a key; nil where it is absent.
  ///
  /// - Parameter new: values of its keys before they are read.
  func optionalSection<S: SettingsSection>(_ key: String, _ section: inout S?, new: S) throws
  /// The mappings of a list under a key; an absent one leaves the property as it is.
  func sections<S: SettingsSection>(_ key: String, _ sections: inout [S], new: S) throws
  /// The mapping or single word under a key: `distance: squared` means `distance: { name: squared }`.
  func wordOrSection(_ key: String, word: String, _ section: inout some SettingsSection, isRequired: Bool) throws
  /// As above; nil where it is absent.
  func optionalWordOrSection<S: SettingsSection>(_ key: String, word: String, _ section: inout S?, new: S) throws

  /// A path as it is written down.
  func shown(_ path: String) -> String
  /// Error about the value of a key (nil: with the whole mapping).
  func error(_ key: String?, expected: String, found: String, remedy: String) -> InputError
}

/// A mapping of a run file.
protocol SettingsSection {
  /// Names its keys, in the order in which they are written.
  ///
  /// - Throws: `InputError` naming file, line and key, where keys are read.
  mutating func visit(_ keys: any SettingsKeys) throws
}

/// Values that a key may have.
struct Allowed<T> {
  /// The same in words; nil: everything of the type.
  var words: String?
  var contains: (T) -> Bool
}

extension SettingsKeys {
  func value<T: SettingValue>(
    _ key: String, _ value: inout T, _ words: String? = nil, where isAllowed: @escaping (T) -> Bool = { _ in true }
  ) throws {
    try self.value(key, &value, Allowed(words: words, contains: isAllowed))
  }

  func value<T: SettingValue>(
    _ key: String, _ value: inout T?, _ words: String? = nil, where isAllowed: @escaping (T) -> Bool = { _ in true }
  ) throws {
    try self.value(key, &value, Allowed(words: words, contains: isAllowed))
  }

  func required<T: SettingValue>(
    _ key: String, _ value: inout T, _ words: String? = nil, where isAllowed: @escaping (T) -> Bool = { _ in true }
  ) throws {
    try required(key, &value, Allowed(words: words, contains: isAllowed))
  }

  func wordOrSection(_ key: String, word: String, _ section: inout some SettingsSection) throws {
    try wordOrSection(key, word: word, &section, isRequired: false)
  }

  func error(_ key: String?, expected: String, found: String) -> InputError {
    error(key, expected: expected, found: found, remedy: "")
  }

  /// A value to write down; nil while reading, so that what the file says is found out alone.
  func written<T>(_ value: T?) -> T? { isReading ? nil : value }

  /// Refuses what a file says of several keys together. Settings that are written down are checked when they are read.
  func refuse(
    if isRefused: Bool, _ key: String?, expected: String, found: @autoclosure () -> String, remedy: String = ""
  ) throws {
    if isReading, isRefused { throw error(key, expected: expected, found: found(), remedy: remedy) }
  }

  /// The path of a file or folder. The property holds it as it will be opened, the file as seen from its own folder.
  func path(_ key: String, _ path: inout String?) throws {
    var text = path.map(shown)
    try value(key, &text)
    path = text.map { pathInRunFile($0, from: folder) }
  }

  /// As ``folderOrName(_:_:)``, of a key that may be absent.
  func folderOrName(_ key: String, _ name: inout String?) throws {
    var text = name.map { fileExists(pathInRunFile($0, from: ".")) ? shown($0) : $0 }
    try value(key, &text)
    name = text.map { text in
      let path = pathInRunFile(text, from: folder)
      return fileExists(path) ? path : text
    }
  }

  /// The path of a folder if there is one, else a name that is looked up elsewhere.
  func folderOrName(_ key: String, _ name: inout String) throws {
    var text = fileExists(pathInRunFile(name, from: ".")) ? shown(name) : name
    try required(key, &text)
    let path = pathInRunFile(text, from: folder)
    name = fileExists(path) ? path : text
  }
}
