// SPDX-License-Identifier: Apache-2.0
import Foundation
import Torch

/// Work on many items that several processes share: each does its part, and all have all outcomes.
extension ProcessGroup? {
  /// Whether this process tells what comes of it.
  package var isFirst: Bool { self?.rank ?? 0 == 0 }

  /// About how much of the whole is done where this process has done so much of its part.
  package func overall(_ done: Int, of total: Int = .max) -> Int { min(total, done * (self?.size ?? 1)) }

  /// Deals items in turn, works on this process's, and gathers the outcomes.
  ///
  /// - Parameters:
  ///   - items: the same in all processes.
  ///   - work: one outcome an item, in order; not called for none.
  /// - Returns: one outcome an item, in order, in every process.
  /// - Throws: what `work` throws; what `ProcessGroup.gather` throws.
  func sharing<Item, Outcome: Codable>(_ items: [Item], _ work: ([Item]) throws -> [Outcome]) throws -> [Outcome] {
    guard let group = self else { return items.isEmpty ? [] : try work(items) }
    let own = stride(from: group.rank, to: items.count, by: group.size).map { items[$0] }
    let parts = try group.gathered(own.isEmpty ? [] : try work(own))
    return items.indices.map { parts[$0 % group.size][$0 / group.size] }
  }
}

extension ProcessGroup {
  /// A value of process 0 in all of them.
  ///
  /// - Parameter make: asked in process 0 alone.
  func fromFirst<Value: Codable>(_ make: () throws -> Value) throws -> Value {
    let texts = try gather(rank == 0 ? try Self.text(make()) : "")
    return try Self.value(texts[0])
  }

  /// The values of all processes, by rank.
  fileprivate func gathered<Value: Codable>(_ value: Value) throws -> [Value] {
    try gather(Self.text(value)).map { try Self.value($0) }
  }

  private static let names = (infinity: "inf", negative: "-inf", nan: "nan")

  private static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: names.infinity, negativeInfinity: names.negative, nan: names.nan)
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static func value<Value: Decodable>(_ text: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: names.infinity, negativeInfinity: names.negative, nan: names.nan)
    return try decoder.decode(Value.self, from: Data(text.utf8))
  }
}
