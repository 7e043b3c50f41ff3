// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Which keys each query may look at, as bool masks `[B or 1, 1, T, S]` for ``ModelInput/mask``, and the positions
/// that go with them.
///
/// The T queries are the last T of S tokens; the S − T before them lie in the key-value cache. Every query sees at
/// least one key, padding itself included: a softmax over nothing is NaN, and NaN times a masked weight of 0 would
/// reach the real tokens through the next layer's values.
public enum AttentionMask {
  /// Query t looks at keys 0 … S − T + t. Result `[1, 1, T, S]`.
  public static func causal(queries: Int, keys: Int, device: Device = .cpu) -> Tensor {
    Tensor.ones([1, 1, queries, keys], dtype: .bool, device: device).tril(keys - queries)
  }

  /// Causal attention over sequences whose first `padding[b]` tokens are padding. Result `[B, 1, T, S]`.
  public static func leftPadded(_ padding: [Int], queries: Int, keys: Int, device: Device = .cpu) -> Tensor {
    let key = indices(0, keys, device)  // [S]
    let query = indices(keys - queries, keys, device).view([queries, 1])  // [T, 1]
    let isReal = key .>= starts(padding, device).view([padding.count, 1, 1, 1])  // [B, 1, 1, S]
    return isReal.logicalAnd(causal(queries: queries, keys: keys, device: device)).logicalOr(key.equals(query))
  }

  /// Positions `[B, T]` that count from each sequence's first real token; padding gets 0.
  public static func leftPaddedPositions(_ padding: [Int], queries: Int, keys: Int, device: Device = .cpu) -> Tensor {
    (indices(keys - queries, keys, device) - starts(padding, device).view([padding.count, 1]))
      .clamp(0, nil).to(.int64)  // clamp makes floats of whole numbers
  }

  /// The same without keys further back than a window: of those that `mask` lets a query see, the last `window`, which
  /// are the nearest tokens wherever padding or other documents lie between. Bool `[…, T, S]` → the same.
  ///
  /// - Parameter mask: shows no query a key after its own token.
  public static func windowed(_ mask: Tensor, _ window: Int) -> Tensor {
    // Keys that a query sees from each on, itself among them.
    let seen = mask.to(.int32), until = seen.cumsum(-1)
    let from = until.narrow(-1, until.size(-1) - 1, 1) - until + seen.to(until.dtype)
    return mask.logicalAnd(from .<= Double(window))
  }

  /// Tokens of one stretch see each other, later ones included. Result `[B, 1, T, S]`, false for the S − T earlier keys.
  ///
  /// - Parameter stretches: ranges of the flattened `[B · T]` tokens, each inside one row; they do not overlap.
  public static func mutual(
    _ stretches: [Range<Int>], rows: Int, queries: Int, keys: Int, device: Device = .cpu
  ) -> Tensor {
    if Torch.hasFailed { return .zeros([1, 1, 1, 1], dtype: .bool, device: device) }
    var numbers = [Int64](repeating: 0, count: rows * queries)
    for (index, stretch) in stretches.enumerated() {
      for token in stretch { numbers[token] = Int64(index + 1) }
    }
    let number = Tensor(numbers, shape: [rows, queries], device: device)
    let new = number.unsqueeze(-1).equals(number.unsqueeze(1)).logicalAnd((number .> 0).unsqueeze(-1)).unsqueeze(1)
    guard keys > queries else { return new }
    return .cat([.zeros([rows, 1, queries, keys - queries], dtype: .bool, device: device), new], -1)
  }

  /// Keys less than a window further back than the query, later ones included, bool `[1, 1, T, S]`; the T queries are the
  /// last ones of the S keys.
  public static func band(_ window: Int, queries: Int, keys: Int, device: Device = .cpu) -> Tensor {
    let key = Tensor.arange(0, Double(keys), dtype: .int64, device: device)
    let query = Tensor.arange(Double(keys - queries), Double(keys), dtype: .int64, device: device)
    return (query.unsqueeze(-1) - key .< Double(window)).unsqueeze(0).unsqueeze(0)
  }

  /// Causal attention inside each of several documents laid end to end. Result `[B, 1, T, T]`.
  ///
  /// - Parameters:
  ///   - documents: for each row the documents' lengths; what is left of the row is one more document (padding).
  ///   - length: T.
  public static func packed(_ documents: [[Int]], length: Int, device: Device = .cpu) -> Tensor {
    let ids = documents.map { row in
      spread(row, length) { index, _ in index }
    }
    let document = Tensor(ids.flatMap { $0 }, shape: [documents.count, length], device: device)
    let isSame = document.unsqueeze(1).unsqueeze(-1).equals(document.unsqueeze(1).unsqueeze(-2))
    return isSame.logicalAnd(causal(queries: length, keys: length, device: device))
  }

  /// Positions `[B, T]` that start at 0 in every document; see ``packed(_:length:device:)``.
  public static func packedPositions(_ documents: [[Int]], length: Int, device: Device = .cpu) -> Tensor {
    let positions = documents.map { row in
      spread(row, length) { _, offset in offset }
    }
    return Tensor(positions.flatMap { $0 }, shape: [documents.count, length], device: device)
  }

  /// A bool mask as what is added to scores: 0 where a query may look, −∞ elsewhere.
  public static func additive(_ mask: Tensor, dtype: DType) -> Tensor {
    Tensor.zeros([], dtype: dtype, device: mask.device).maskedFill(mask.logicalNot(), -.infinity)
  }

  /// One value per token of a row, from its document's index and its place within.
  private static func spread(_ lengths: [Int], _ total: Int, _ value: (Int, Int) -> Int) -> [Int64] {
    if Torch.hasFailed { return [] }  // `total` is that of a stand-in
    let used = lengths.reduce(0, +)
    precondition(used <= total, "documents of \(used) tokens in a row of \(total)")
    return (lengths + [total - used]).enumerated().flatMap { index, count in
      (0..<count).map { Int64(value(index, $0)) }
    }
  }

  private static func indices(_ start: Int, _ end: Int, _ device: Device) -> Tensor {
    .arange(Double(start), Double(end), dtype: .int64, device: device)
  }

  private static func starts(_ padding: [Int], _ device: Device) -> Tensor {
    Tensor(padding.map(Int64.init), device: device)
  }
}
