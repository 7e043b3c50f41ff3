// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

/// A pattern of parameter names, for run files: `model.embed_tokens`, `model.layers.0-5.*`, `*norm.weight`.
///
/// `*` stands for any characters, dots too; a part `0-5` between dots for the numbers from 0 to 5. A pattern that fits
/// the name of a module means all parameters below it.
public struct ParameterPattern: Sendable, Hashable {
  /// As it was written.
  public let text: String
  private let pieces: [Piece]

  private enum Piece: Hashable { case character(UInt8), any, number(ClosedRange<Int>) }

  /// A pattern as a run file has it.
  public init(_ text: String) {
    self.text = text
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    pieces = Array(parts.map(Self.pieces).joined(separator: [.character(UInt8(ascii: "."))]))
  }

  private static func pieces(_ part: Substring) -> [Piece] {
    let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    if ends.count == 2, let low = ends[0], let high = ends[1], low <= high { return [.number(low...high)] }
    return part.utf8.map { $0 == UInt8(ascii: "*") ? .any : .character($0) }
  }

  /// Whether it fits the whole name, or that of a module it lies in.
  public func matches(_ name: String) -> Bool {
    let name = Array(name.utf8)
    // All places that the pieces so far can have come to: linear in the name for each piece, whatever the pattern.
    let ends = pieces.reduce(into: Set([0])) { places, piece in places = Self.advance(places, piece, name) }
    return ends.contains { $0 == name.count || ($0 > 0 && name[$0] == UInt8(ascii: ".")) }
  }

  private static func advance(_ places: Set<Int>, _ piece: Piece, _ name: [UInt8]) -> Set<Int> {
    switch piece {
    case .character(let character):
      return Set(places.compactMap { $0 < name.count && name[$0] == character ? $0 + 1 : nil })
    case .any: return places.min().map { Set($0...name.count) } ?? []
    case .number(let range):
      return Set(
        places.compactMap { start in
          let digits = name[start...].prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
          return Int(String(decoding: digits, as: UTF8.self)).flatMap { range.contains($0) ? digits.endIndex : nil }
        })
    }
  }
}

extension Module {
  /// Freezes the parameters that any of the patterns fits, and leaves the others as they are; if none is trained yet,
  /// the others all will be.
  ///
  ///     try model.freeze(matching: ["model.embed_tokens", "model.layers.0-5.*"])
  ///
  /// A tensor that is tied is frozen under all its names.
  ///
  /// - Throws: `InputError` for a pattern that fits nothing (the message tells how far it fits, and what there is), or
  ///   if nothing would be left to train. Nothing has changed then.
  public final func freeze(matching patterns: [String]) throws {
    let all = parameters(), names = all.map(\.key)
    var frozen = Set<ObjectIdentifier>()
    for pattern in patterns.map(ParameterPattern.init) {
      let fitting = all.filter { pattern.matches($0.key) }
      if fitting.isEmpty { throw pattern.misfit(names) }
      frozen.formUnion(fitting.map { ObjectIdentifier($0.tensor) })
    }
    let isFresh = !all.contains { $0.box.isTrainable }
    guard all.contains(where: { (isFresh || $0.box.isTrainable) && !frozen.contains(ObjectIdentifier($0.tensor)) })
    else {
      throw InputError(
        path: "freeze", expected: "something that is left to train", found: "patterns that fit every parameter")
    }
    if isFresh { unfreeze() }
    for parameter in all where frozen.contains(ObjectIdentifier(parameter.tensor)) {
      parameter.box.isTrainable = false
    }
  }
}

extension ParameterPattern {
  /// Message for a pattern that fits none of the names.
  fileprivate func misfit(_ names: [String]) -> InputError {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    // As far as its beginning fits, the next parts of the names are what could have been meant.
    let known = (0..<parts.count).last { count in
      count == 0 || names.contains(where: ParameterPattern(parts.prefix(count).joined(separator: ".")).matches)
    }
    let depth = known ?? 0, start = parts.prefix(depth).joined(separator: ".")
    let near = names.filter { depth == 0 || ParameterPattern(start).matches($0) }
      .map { $0.split(separator: ".").prefix(depth + 1).joined(separator: ".") }
    var seen = Set<String>()
    let texts = NamePattern.grouped(near.filter { seen.insert($0).inserted }).map(\.text)
    return InputError(
      path: "freeze",
      expected: "a pattern that fits parameters, for instance of " + texts.prefix(8).joined(separator: ", "),
      found: "\(text), which fits none")
  }
}
