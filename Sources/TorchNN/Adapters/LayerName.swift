// SPDX-License-Identifier: Apache-2.0
import Files

/// How names of settings are compared with the full names of modules.
enum LayerName {
  /// Whether `name` is the full name `key` or its end after a point: `q_proj` of `model.layers.0.self_attn.q_proj`.
  static func matches(_ name: String, _ key: String) -> Bool { key == name || key.hasSuffix("." + name) }

  /// Whether `key` is the module of this full name, or lies in it.
  static func isWithin(_ key: String, _ module: String) -> Bool { key == module || key.hasPrefix(module + ".") }
}

/// Values for layers by name, of which the first that matches counts: PEFT's `rank_pattern` and `alpha_pattern`.
///
///     ["layers.0.self_attn.q_proj": 4, "q_proj": 16]
///
/// A name is the end of a layer's full name; with `^` before it the whole.
public struct LayerPattern<Value: Sendable & Hashable & Codable>: Sendable, Hashable, Codable,
  ExpressibleByDictionaryLiteral
{
  /// A name and its value.
  public struct Entry: Sendable, Hashable, Codable {
    /// The end of a layer's full name.
    public var name: String
    /// What such layers have.
    public var value: Value

    /// Memberwise.
    public init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }

    /// Whether a layer of this full name is meant.
    func matches(_ key: String) -> Bool {
      name.hasPrefix("^") ? key == name.dropFirst() : LayerName.matches(name, key)
    }
  }

  /// In the order in which they are tried.
  public var entries: [Entry]

  /// Entries in the order in which they are tried.
  public init(_ entries: [Entry] = []) { self.entries = entries }

  /// Names and values, in the order in which they are tried.
  public init(dictionaryLiteral elements: (String, Value)...) { entries = elements.map { Entry($0, $1) } }

  /// The value of a layer, nil if no name matches.
  public func value(of key: String) -> Value? { entries.first { $0.matches(key) }?.value }

  /// The first name that none of these layers has.
  func unmatched(_ keys: [String]) -> String? {
    entries.first { entry in !keys.contains { entry.matches($0) } }?.name
  }
}
