// SPDX-License-Identifier: Apache-2.0
import CYaml
import Files

/// Walks through the events of a YAML text, before anything is built of them, and refuses what would take a stack or a
/// memory out of proportion to its length: deep nesting, keys that are not plain words, aliases that multiply.
///
/// libyaml reads event by event with lists of its own, so this needs neither a deep stack nor more memory than the text.
struct YAMLStructure {
  /// The deepest nesting; run files have five levels.
  static let depthLimit = 64
  /// The most values, those that aliases repeat counted each time.
  static let valueLimit = 100_000

  /// A list or mapping that is open.
  private struct Level {
    /// Values in it so far, itself included.
    var values = 1
    /// Levels in it at most, itself included.
    var height = 1
    var isMapping: Bool
    /// Whether the next node is a key.
    var isKey: Bool
    var anchor: String?
  }

  private let path: String
  private var levels: [Level] = []
  /// Values and levels behind each anchor.
  private var anchors: [String: (values: Int, height: Int)] = [:]

  /// Checks a text; errors of YAML's grammar are left to who reads it next.
  ///
  /// - Throws: `InputError` with line and column of what is refused.
  static func check(_ text: String, path: String) throws(InputError) {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else {
      throw InputError(path: path, expected: "memory to read YAML", found: "none left")
    }
    defer { yaml_parser_delete(&parser) }
    let bytes = Array(text.utf8)
    try bytes.withUnsafeBufferPointer { bytes in
      Result { () throws(InputError) in
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
        var structure = YAMLStructure(path: path)
        var isOpen = true
        while isOpen {
          var event = yaml_event_t()
          guard yaml_parser_parse(&parser, &event) == 1 else { return }
          defer { yaml_event_delete(&event) }
          isOpen = event.type != YAML_STREAM_END_EVENT
          try structure.take(event)
        }
      }
    }.get()
  }

  private init(path: String) { self.path = path }

  private mutating func take(_ event: yaml_event_t) throws(InputError) {
    switch event.type {
    case YAML_ALIAS_EVENT:
      guard let name = Self.text(event.data.alias.anchor), let known = anchors[name] else { return }
      try add(known.values, height: known.height, isScalar: known.values == 1, event)
    case YAML_SCALAR_EVENT:
      try add(1, height: 0, isScalar: true, event)
      if let anchor = Self.text(event.data.scalar.anchor) { anchors[anchor] = (1, 0) }
    case YAML_SEQUENCE_START_EVENT: try open(event, isMapping: false, anchor: event.data.sequence_start.anchor)
    case YAML_MAPPING_START_EVENT: try open(event, isMapping: true, anchor: event.data.mapping_start.anchor)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: close()
    default: break
    }
  }

  /// Counts a node whose values are all known.
  private mutating func add(_ values: Int, height: Int, isScalar: Bool, _ event: yaml_event_t) throws(InputError) {
    guard let last = levels.indices.last else { return }
    if levels[last].isMapping {
      guard isScalar || !levels[last].isKey else { throw keyError(event) }
      levels[last].isKey.toggle()
    }
    // Both stay below the limit, so that no sum overflows.
    levels[last].values += values
    levels[last].height = max(levels[last].height, height + 1)
    guard levels[last].values <= Self.valueLimit else {
      throw error(
        event, expected: "at most 100,000 values", found: "more",
        remedy: "Do aliases (*name) repeat each other? Write what is meant.")
    }
    guard levels.count + height <= Self.depthLimit else { throw depthError(event) }
  }

  private mutating func open(
    _ event: yaml_event_t, isMapping: Bool, anchor: UnsafeMutablePointer<yaml_char_t>?
  ) throws(InputError) {
    if let last = levels.indices.last, levels[last].isMapping {
      guard !levels[last].isKey else { throw keyError(event) }
      levels[last].isKey = true
    }
    guard levels.count < Self.depthLimit else { throw depthError(event) }
    levels.append(Level(isMapping: isMapping, isKey: isMapping, anchor: Self.text(anchor)))
  }

  private mutating func close() {
    guard let done = levels.popLast() else { return }
    if let anchor = done.anchor { anchors[anchor] = (done.values, done.height) }
    guard let last = levels.indices.last else { return }
    levels[last].values += done.values
    levels[last].height = max(levels[last].height, done.height + 1)
  }

  private func keyError(_ event: yaml_event_t) -> InputError {
    error(
      event, expected: "a word as key", found: "a list or mapping",
      remedy: "Write `key: value`, the key without brackets."
    )
  }

  private func depthError(_ event: yaml_event_t) -> InputError {
    error(
      event, expected: "lists and mappings at most \(Self.depthLimit) deep", found: "deeper ones",
      remedy: "Close the brackets that are open.")
  }

  private func error(_ event: yaml_event_t, expected: String, found: String, remedy: String) -> InputError {
    let mark = event.start_mark
    return InputError(
      path: path, place: "line \(mark.line + 1), column \(mark.column + 1)", expected: expected, found: found,
      remedy: remedy)
  }

  private static func text(_ characters: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    characters.map { String(cString: $0) }
  }
}
