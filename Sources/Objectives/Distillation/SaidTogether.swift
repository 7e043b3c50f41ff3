// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Torch

/// A mixture of other models' logits at some rows.
struct SaidTogether {
  private let parts: [(states: ReferenceStates, coefficient: Double)]
  private let contrast: (towards: ReferenceStates, from: ReferenceStates, scale: Double, least: Double)?

  /// - Parameter rows: `[n]` of the models' hidden states; nil for all.
  init(_ mixture: LogitMixture, _ referenceModels: [String: ReferenceStates], at rows: Tensor? = nil) {
    func states(_ name: String) -> ReferenceStates {
      guard let all = referenceModels[name] else { preconditionFailure("the objective reads a model named \(name)") }
      guard let rows else { return all }
      return ReferenceStates(hidden: all.hidden.indexSelect(0, rows), head: all.head)
    }
    parts = mixture.parts.map { (states($0.model), $0.coefficient) }
    contrast = mixture.contrast.map { (states($0.towards), states($0.from), $0.scale, $0.least) }
  }

  /// Σ c·log π, and the contrast: `[n, V]`.
  func logits(_ start: Int, _ count: Int) -> Tensor {
    var sum: Tensor?
    func add(_ part: Tensor) { sum = sum.map { $0 + part } ?? part }
    for part in parts { add(part.states.logits(start, count).logSoftmax(1) * part.coefficient) }
    if let contrast {
      let logs = [contrast.towards, contrast.from].map { $0.logits(start, count).logSoftmax(1) }
      add((logs[0] - logs[1]) * weight(logs).unsqueeze(1))
    }
    return sum ?? Tensor.zeros([count, 1])
  }

  /// The probability of a token at each row by the softmax of the mixture: `[n]`, without a gradient.
  ///
  /// - Parameter labels: ids, `[n]`.
  func probabilities(of labels: [Int32]) -> Tensor {
    let size = OutputHead.rowsAtOnce
    return noGrad {
      Tensor.cat(
        stride(from: 0, to: labels.count, by: size).map { start in
          let own = labels[start..<min(start + size, labels.count)]
          let logits = logits(start, own.count)
          let index = Tensor(own.map(Int64.init), device: logits.device).unsqueeze(1)
          return logits.softmax(1).gather(1, index).squeeze(1)
        })
    }
  }

  /// w at each of `count` rows, `[count]`.
  func contrasts(_ count: Int) -> Tensor {
    guard let contrast else { preconditionFailure("a mixture without contrast") }
    let size = OutputHead.rowsAtOnce
    return Tensor.cat(
      stride(from: 0, to: count, by: size).map { start in
        weight(
          [contrast.towards, contrast.from].map { $0.logits(start, min(size, count - start)).logSoftmax(1) })
      })
  }

  private func weight(_ logs: [Tensor]) -> Tensor {
    (logs[0].exp() - logs[1].exp()).abs().sum(1) * (contrast?.scale ?? 0) + (contrast?.least ?? 0)
  }
}
