// SPDX-License-Identifier: Apache-2.0
import Foundation
public import MetricTokens
import Torch
public import TorchNN

/// Normalisation of probabilities.
public enum Normalization: String, Sendable, Hashable, Codable, CaseIterable {
  /// Everything the model could have said: softmax over the vocabulary.
  case vocabulary
  /// Probabilities of the candidates: softmax over them alone.
  case candidates
}

/// A prompt and what may follow it.
public struct Continuation: Sendable, Hashable {
  /// Given tokens, at least one.
  public var prompt: [Int32]
  /// Rated response.
  public var ids: [Int32]

  /// Memberwise.
  public init(prompt: [Int32], ids: [Int32]) {
    self.prompt = prompt
    self.ids = ids
  }
}

/// Asks a model how probable something is, without letting it speak.
public struct Scorer {
  /// The model that is asked.
  public let model: any TokenModel

  /// Cache of what the model has read already of prompts that numbers are read out after; nil for nothing.
  public var beginning: ReadBeginning?

  /// A scorer for this model.
  public init(_ model: any TokenModel, beginning: ReadBeginning? = nil) {
    (self.model, self.beginning) = (model, beginning)
  }

  /// Natural log-probability of some tokens of given sequences, each after all tokens before it (teacher forcing).
  ///
  /// - Parameters:
  ///   - positions: for each sequence the indices of the tokens that are rated, from 1 on: nothing predicts the first.
  ///   - tokenBudget: largest number of tokens of a batch, padding included.
  ///   - images: the images of each sequence; nil if none shows any.
  /// - Returns: for each sequence one number per position.
  /// - Throws: `DecodingError` for sequences that the model cannot read, and where it gives no finite number.
  public func logLikelihoods(
    in sequences: [[Int32]], at positions: [[Int]], tokenBudget: Int = 16_384, images: PromptImages? = nil
  ) throws -> [[Double]] {
    precondition(sequences.count == positions.count, "\(sequences.count) sequences, positions for \(positions.count)")
    let requests = zip(sequences, positions).map { ids, positions in positions.map { ($0, [ids[$0]]) } }
    let logs = try score(sequences, requests, .vocabulary, tokenBudget, images).map { $0.map { $0[0] } }
    for (index, logs) in logs.enumerated() {
      if let bad = logs.firstIndex(where: { !$0.isFinite }) { throw DecodingError.notFinite(index: index, step: bad) }
    }
    return logs
  }

  /// Natural log-probability of every token of given continuations (teacher forcing).
  ///
  /// - Parameters:
  ///   - tokenBudget: largest number of tokens of a batch, padding included.
  ///   - images: the images of each prompt; nil if none shows any.
  /// - Returns: for each continuation one number per token of it.
  /// - Throws: `DecodingError` for sequences that the model cannot read, and where it gives no finite number.
  public func logLikelihoods(
    of items: [Continuation], tokenBudget: Int = 16_384, images: PromptImages? = nil
  ) throws -> [[Double]] {
    if let index = items.firstIndex(where: { $0.prompt.isEmpty }) { throw DecodingError.empty(index: index) }
    return try logLikelihoods(
      in: items.map { $0.prompt + $0.ids },
      at: items.map { item in item.ids.indices.map { item.prompt.count + $0 } }, tokenBudget: tokenBudget,
      images: images)
  }

  /// Probabilities of a space's candidates at given positions.
  ///
  /// - Parameters:
  ///   - positions: for each sequence the indices of the tokens that are predicted, 1 … count; count means the token
  ///     that would come next.
  ///   - normalization: with `.candidates` each list sums to 1.
  /// - Returns: for each sequence and position M probabilities, in the order of the candidates.
  /// - Throws: `DecodingError` for sequences that the model cannot read, `TokenSpaceError` for a space beyond its
  ///   vocabulary.
  public func probabilities(
    over space: TokenSpace, in sequences: [[Int32]], at positions: [[Int]],
    normalization: Normalization = .candidates, tokenBudget: Int = 16_384
  ) throws -> [[[Double]]] {
    precondition(sequences.count == positions.count, "\(sequences.count) sequences, positions for \(positions.count)")
    try space.check(vocabularySize: model.outputs)
    let requests = positions.map { $0.map { ($0, space.ids) } }
    return try score(sequences, requests, normalization, tokenBudget).map { $0.map { $0.map(exp) } }
  }

  /// Log-probabilities of some tokens at some positions of each sequence.
  private func score(
    _ sequences: [[Int32]], _ requests: [[(position: Int, tokens: [Int32])]], _ normalization: Normalization,
    _ tokenBudget: Int, _ images: PromptImages? = nil
  ) throws -> [[[Double]]] {
    try ModelContext.check(sequences, for: model)
    var scores = requests.map { $0.map { _ in [Double]() } }
    try evaluating(model) {
      let lengths = sequences.map(\.count)
      for batch in batches(of: lengths, read: lengths, by: model, tokenBudget: tokenBudget, busy: busyPass) {
        let width = batch.map { sequences[$0].count }.max() ?? 0
        let ids = batch.flatMap { sequences[$0] + [Int32](repeating: 0, count: width - sequences[$0].count) }
        let asked = batch.enumerated().flatMap { row, index in
          requests[index].indices.map { (row: row, index: index, request: $0) }
        }
        if asked.isEmpty { continue }
        let rows = asked.map { asked -> Int64 in
          let position = requests[asked.index][asked.request].position
          precondition((1...sequences[asked.index].count).contains(position), "nothing predicts token \(position)")
          return Int64(asked.row * width + position - 1)
        }
        let device = model.head.weight.device
        var input = ModelInput(
          ids: Tensor(ids, shape: [batch.count, width], device: device),
          images: try images.flatMap { ImageInput(try batch.map($0), ids: ids, width: width, for: model) })
        // The prompt ends before the first token that is asked for.
        input.prompts = batch.map { [requests[$0].map(\.position).min() ?? sequences[$0].count] }
        let hidden = model.hidden(input, cache: nil, rows: Tensor(rows, device: device))
        let logs = try logProbabilities(
          hidden, of: asked.map { requests[$0.index][$0.request].tokens }, normalization: normalization)
        for (asked, logs) in zip(asked, logs) { scores[asked.index][asked.request] = logs }
      }
    }
    return scores
  }

  /// Log-probabilities of given tokens after given hidden states `[N, H]`: for each row those of its own tokens.
  ///
  /// The logits `[N, V]` are made in pieces of bounded size.
  func logProbabilities(
    _ hidden: Tensor, of tokens: [[Int32]], normalization: Normalization
  ) throws -> [[Double]] {
    let piece = max(1, (1 << 24) / model.outputs), widest = tokens.map(\.count).max() ?? 0
    for id in tokens.lazy.joined() where id < 0 || Int(id) >= model.outputs {
      throw DecodingError.unknownToken(index: 0, id: id, vocabularySize: model.outputs)
    }
    return try stride(from: 0, to: tokens.count, by: piece).flatMap { start -> [[Double]] in
      let rows = tokens[start..<min(start + piece, tokens.count)]
      let padded = rows.flatMap { $0.map(Int64.init) + [Int64](repeating: 0, count: widest - $0.count) }
      let index = Tensor(padded, shape: [rows.count, widest], device: hidden.device)
      let logits = model.head(hidden.narrow(0, start, rows.count)).to(.float32)
      var logs = logits.gather(-1, index).to(.float64)
      if normalization == .vocabulary {
        logs = logs - logits.logSumExp(-1, keepDim: true).to(.float64)
      } else {
        let isToken = rows.flatMap { row in (0..<widest).map { $0 < row.count } }
        let mask = Tensor(isToken, shape: [rows.count, widest], device: hidden.device)
        logs = logs.maskedFill(mask.logicalNot(), -.infinity).logSoftmax(-1)
      }
      let values = try logs.values(of: Double.self)
      return rows.enumerated().map { Array(values[$0.offset * widest..<$0.offset * widest + $0.element.count]) }
    }
  }
}
