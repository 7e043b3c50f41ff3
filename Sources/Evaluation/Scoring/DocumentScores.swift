// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

extension Scorer {
  /// Output of the model's head at the last token of each document: the scores of a classifier.
  ///
  /// - Parameter tokenBudget: largest number of tokens of a batch, padding included.
  /// - Returns: for each document K numbers, computed in float32 from the hidden state.
  /// - Throws: `DecodingError` for documents that the model cannot read, or whose scores are not finite.
  public func scores(of documents: [[Int32]], tokenBudget: Int = 16_384) throws -> [[Double]] {
    try ModelContext.check(documents, for: model)
    let outputs = model.outputs
    var scores = [[Double]](repeating: [], count: documents.count)
    try evaluating(model) {
      let lengths = documents.map(\.count)
      for batch in batches(of: lengths, read: lengths, by: model, tokenBudget: tokenBudget, busy: busyPass) {
        let hidden = last(of: batch.map { documents[$0] }), head = model.head
        let values = try hidden.to(.float32).linear(head.weight.to(.float32), head.bias?.to(.float32))
          .values(of: Double.self)
        for (row, index) in batch.enumerated() {
          scores[index] = Array(values[row * outputs..<(row + 1) * outputs])
        }
      }
    }
    if let index = scores.firstIndex(where: { !$0.allSatisfy(\.isFinite) }) {
      throw DecodingError.notFinite(index: index, step: 0)
    }
    return scores
  }

  /// Hidden states of last tokens, `[B, H]`.
  private func last(of documents: [[Int32]]) -> Tensor {
    let device = model.head.weight.device, width = documents.map(\.count).max() ?? 0
    let ids = documents.flatMap { $0 + [Int32](repeating: 0, count: width - $0.count) }
    let ends = documents.enumerated().map { Int64($0.offset * width + $0.element.count - 1) }
    // Padding stands to the right of every token that is read out: causal order is mask enough.
    return model.hidden(
      ModelInput(ids: Tensor(ids, shape: [documents.count, width], device: device)), cache: nil,
      rows: Tensor(ends, device: device))
  }
}
