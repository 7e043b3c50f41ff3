// SPDX-License-Identifier: Apache-2.0
package import Files
import Foundation
import TokenData
import Yams

/// A YAML file as JSON values, with the line of every key.
///
/// Scalars are read as YAML 1.2 has them: `1e-5` is a number, `no` a word. Quoted ones are always text.
struct SettingsDocument {
  /// The file, for errors.
  let path: String
  /// Its content; an empty file is an empty mapping.
  private(set) var root: JSON
  /// Line of each key path, from 1: `metrics[0].distance`.
  private var lines: [String: Int] = [:]
  /// Key paths that `set` has given another value than the file's.
  private var assigned: Set<String> = []

  /// Reads a file.
  ///
  /// - Throws: `InputError` for a file that is no YAML mapping, keys that occur twice, more than 100,000 values, or
  ///   lists nested deeper than 64.
  init(file path: String) throws {
    try Self.requireRunFile(path)
    let bytes = try fileBytes(path, limit: 1 << 24)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError(path: path, expected: "text in UTF-8", found: "bytes that are not", remedy: "Save it as UTF-8.")
    }
    try self.init(yaml: text, path: path)
  }

  /// Folders and data are easily named in place of a run file.
  private static func requireRunFile(_ path: String) throws(InputError) {
    let url = URL(fileURLWithPath: path)
    if (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true {
      let own = path + (path.hasSuffix("/") ? "" : "/") + "run.yaml"
      throw InputError(
        path: path, expected: "a run file", found: "a folder",
        remedy: fileExists(own) ? "Name the file in it: \(own)." : "A run file names model and data: docs/run-files.md."
      )
    }
    // A run file may be written in JSON, which YAML is too.
    guard DataSource(path).isData, url.pathExtension.lowercased() != "json" else { return }
    throw InputError(
      path: path, expected: "a run file", found: "a file of data",
      remedy: "Make one of flat rows: dist2 init \(CommandLine.quoted(path)) --target COLUMN; or write one that names "
        + "it: `data: { train: \(url.lastPathComponent) }`.")
  }

  /// Reads text.
  init(yaml text: String, path: String) throws {
    self.path = path
    root = .object(JSONObject())
    guard let value = try value(of: text) else { return }
    guard case .object = value else {
      throw InputError(
        path: path, expected: "keys and values such as `model: …`", found: value.summary,
        remedy: "Is it a run file? dist2 init makes one of a table; docs/run-files.md has the keys.")
    }
    root = value
  }

  /// The value that a text says, nil for an empty one; remembers the lines of its keys.
  private mutating func value(of text: String) throws -> JSON? {
    try YAMLStructure.check(text, path: path)
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch let error as YamlError { throw error.asInputError(path) }
    guard let node, node != Node("") else { return nil }
    return try json(node, "")
  }

  /// Takes a tree that a program has put together: its texts are what they are, whatever characters they hold.
  init(_ root: JSON, path: String) { (self.root, self.path) = (root, path) }

  /// Sets one key to a YAML value, as `--set train.epochs=3` asks.
  ///
  /// Keys are separated by points; elements of a list are named by index, `metrics[0]` or `metrics.0`, by their
  /// `name`, `metrics.score`, or all at once, `metrics.*`.
  ///
  /// - Throws: `InputError` for an assignment without `=`, or a path through something that has no keys.
  mutating func set(_ assignment: String) throws {
    guard let sign = assignment.firstIndex(of: "=") else {
      throw InputError(
        path: "<arguments>", place: "--set \(assignment)", expected: "key=value", found: "no =",
        remedy: "For instance --set train.epochs=3.")
    }
    try set(String(assignment[..<sign]), yaml: String(assignment[assignment.index(after: sign)...]))
  }

  /// Sets one key, see ``set(_:)``.
  mutating func set(_ key: String, yaml value: String) throws {
    var text = SettingsDocument(.null, path: "<arguments>")
    try set(key, to: text.value(of: value) ?? .null)
  }

  /// Sets one key to a value that is at hand, such as a path: it is taken as it is.
  mutating func set(_ key: String, to value: JSON) throws {
    let steps = key.replacing("[", with: ".").replacing("]", with: "").split(separator: ".").map(String.init)
    guard steps.count <= YAMLStructure.depthLimit else {
      throw InputError(
        path: "<arguments>", place: "--set \(key.prefix(40))…", expected: "a key of a run file",
        found: "\(steps.count) names with points between")
    }
    root = try replacing(root, at: "", steps[...], with: value, in: key)
  }

  /// Puts what a key's value means in its place; errors still name the file's line, or the option.
  mutating func rewrite(_ key: String, to value: JSON) { root = root.replacing(key, with: value) }

  /// Line of a key; of what it should stand in, if it is absent.
  func line(of keyPath: String) -> Int? {
    var keyPath = keyPath[...]
    while lines[String(keyPath)] == nil, let end = keyPath.lastIndex(where: { $0 == "." || $0 == "[" }) {
      keyPath = keyPath[..<end]
    }
    return lines[String(keyPath)] ?? lines[""]
  }

  /// The `--set` that a key's value, or that of something around it, comes from.
  func assignment(of keyPath: String) -> String? {
    assigned.contains { keyPath == $0 || keyPath.hasPrefix("\($0).") || keyPath.hasPrefix("\($0)[") }
      ? "--set \(keyPath)" : nil
  }

  /// Error about the value of a key, named by the option or the line of the file that it comes from.
  func error(at keyPath: String, expected: String, found: String, remedy: String = "") -> InputError {
    if let assignment = assignment(of: keyPath) {
      return InputError(path: "<arguments>", place: assignment, expected: expected, found: found, remedy: remedy)
    }
    let place = [line(of: keyPath).map { "line \($0)" }, keyPath.isEmpty ? nil : "key \(keyPath)"]
    return InputError(
      path: path, place: place.compactMap { $0 }.joined(separator: ", "), expected: expected, found: found,
      remedy: remedy)
  }

  private mutating func replacing(
    _ old: JSON, at keyPath: String, _ steps: ArraySlice<String>, with value: JSON, in key: String
  ) throws -> JSON {
    guard let step = steps.first else {
      assigned.insert(keyPath)
      return value
    }
    let rest = steps.dropFirst()
    switch old {
    case .null: return try replacing(.object(JSONObject()), at: keyPath, steps, with: value, in: key)
    case .object(var object):
      let below = keyPath.isEmpty ? step : "\(keyPath).\(step)"
      object[step] = try replacing(object[step] ?? .null, at: below, rest, with: value, in: key)
      return .object(object)
    case .array(var elements):
      let chosen = elements.indices.filter { step == "*" || step == "\($0)" || elements[$0]["name"] == .string(step) }
      for index in chosen {
        elements[index] = try replacing(elements[index], at: "\(keyPath)[\(index)]", rest, with: value, in: key)
      }
      if !chosen.isEmpty { return .array(elements) }
    default: break
    }
    throw InputError(
      path: "<arguments>", place: "--set \(key)", expected: "a key that can be set",
      found: "no \"\(step)\" in \(Self.names(old))", remedy: "Name elements of a list by index, by name, or by *.")
  }

  /// The elements of a list by their names, where they have some.
  private static func names(_ value: JSON) -> String {
    guard case .array(let elements) = value else { return value.summary }
    let names = elements.compactMap { if case .string(let name)? = $0["name"] { name } else { nil } }
    return names.isEmpty ? value.summary : "the list of \(names.prefix(8).joined(separator: ", "))"
  }

  private mutating func json(_ node: Node, _ keyPath: String) throws -> JSON {
    if let mark = node.mark { lines[keyPath] = mark.line }
    switch node {
    case .scalar(let scalar): return JSON(yaml: scalar)
    case .sequence(let sequence):
      return .array(try sequence.enumerated().map { try json($0.element, "\(keyPath)[\($0.offset)]") })
    case .mapping(let mapping):
      var object = JSONObject()
      for (key, value) in mapping {
        let name = key.scalar?.string ?? ""
        let below = keyPath.isEmpty ? name : "\(keyPath).\(name)"
        let value = try json(value, below)
        if let mark = key.mark { lines[below] = mark.line }
        guard object.append(name, value) else {
          throw InputError(
            path: path, place: "line \(lines[below] ?? 0), key \(below)", expected: "each key once", found: "it twice")
        }
      }
      return .object(object)
    case .alias: return .null  // `compose` has put what they stand for in their place.
    }
  }
}

extension JSON {
  /// A scalar by YAML 1.2's core schema.
  fileprivate init(yaml scalar: Node.Scalar) {
    guard scalar.style == .plain || scalar.style == .any else {
      self = .string(scalar.string)
      return
    }
    let text = scalar.string
    switch text {
    case "", "~", "null", "Null", "NULL": self = .null
    case "true", "True", "TRUE": self = .bool(true)
    case "false", "False", "FALSE": self = .bool(false)
    case ".inf", "+.inf", ".Inf", "+.Inf": self = .double(.infinity)
    case "-.inf", "-.Inf": self = .double(-.infinity)
    case ".nan", ".NaN", ".NAN": self = .double(.nan)
    default:
      // `Double("nan")`, `Double("0x1p3")` are numbers to Swift, but words here.
      let isNumber = text.utf8.allSatisfy { "+-.0123456789eE".utf8.contains($0) }
      if isNumber, let value = Int(text) {
        self = .int(value)
      } else if isNumber, let value = Double(text) {
        self = .double(value)
      } else {
        self = .string(text)
      }
    }
  }

  /// As YAML, keys in their order.
  package var yaml: String { (try? Yams.serialize(node: node, width: 100, allowUnicode: true)) ?? "" }

  private var node: Node {
    switch self {
    case .null: Node("null", Tag(.null))
    case .bool(let value): Node("\(value)", Tag(.bool))
    case .int(let value): Node("\(value)", Tag(.int))
    case .double(let value): Node(value.isInfinite ? (value > 0 ? ".inf" : "-.inf") : "\(value)", Tag(.float))
    case .string(let value): Node(value, Tag(.str), isPlain(value) ? .plain : .doubleQuoted)
    case .array(let values):
      .sequence(Node.Sequence(values.map(\.node), Tag(.seq), values.allSatisfy(\.isScalar) ? .flow : .block))
    case .object(let object):
      .mapping(Node.Mapping(object.members.map { (Node($0.key), $0.value.node) }, Tag(.map), .block))
    }
  }

  private var isScalar: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  /// Whether text may stand without quotes and be read as the same text again.
  private func isPlain(_ text: String) -> Bool {
    let isWord = text.utf8.allSatisfy { byte in
      UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        || "/._-".utf8.contains(byte)
    }
    guard isWord, let first = text.unicodeScalars.first, first.properties.isAlphabetic || first == "/" else {
      return false
    }
    if case .string = JSON(yaml: Node.Scalar(text)) { return true }
    return false
  }
}

extension YamlError {
  /// The same as dist2 says it.
  fileprivate func asInputError(_ path: String) -> InputError {
    switch self {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return InputError(
        path: path, place: "line \(mark.line), column \(mark.column)", expected: "YAML",
        found: Self.found(problem),
        remedy: problem.contains("alphabetic or numeric")
          ? "Text that begins with * or & stands in quotes: \"*.jsonl\"."
          : problem.contains("tab character")
            ? "YAML is indented by spaces." : "Check indentation, colons and quotes there.")
    case .duplicatedKeysInMapping(let keys, let context):
      return InputError(
        path: path, place: "line \(context.mark.line), key \(keys.first ?? "")", expected: "each key once",
        found: "it again further down", remedy: "Delete one.")
    case .reader(let problem, let offset, _, _):
      return InputError(path: path, place: offset.map { "byte \($0)" } ?? "", expected: "YAML", found: problem)
    default:
      return InputError(path: path, expected: "YAML", found: "\(self)", remedy: "Check indentation, colons and quotes.")
    }
  }

  /// What libyaml found, of its "did not find expected ',' or '}'" and "found a tab character …".
  private static func found(_ problem: String) -> String {
    let lack = "did not find expected ", presence = "found "
    if problem.hasPrefix(lack) { return "no \(problem.dropFirst(lack.count)) where one has to be" }
    return problem.hasPrefix(presence) ? String(problem.dropFirst(presence.count)) : problem
  }
}
