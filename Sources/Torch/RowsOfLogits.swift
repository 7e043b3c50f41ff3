// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Functions of rows of logits, of which `[N, V]` are never held: they are computed for some rows at a time, and again
/// in the backward pass.
extension OutputHead {
  /// Rows whose logits are computed at a time.
  public static let rowsAtOnce = 128

  /// Log-probabilities of one token a row, `log softmax(h Wᵀ + b)[label]`: `[N]` in float32 (in float64 where the hidden
  /// states are).
  ///
  /// - Parameters:
  ///   - hidden: `[N, H]`.
  ///   - labels: `[N]`, ids of 0 ..< V.
  ///   - rowsAtOnce: rows of logits in memory.
  public func logProbabilities(
    _ hidden: Tensor, of labels: [Int32], rowsAtOnce: Int = OutputHead.rowsAtOnce
  ) -> Tensor {
    torchPrecondition(labels.count == hidden.size(0), "\(labels.count) labels for hidden states \(hidden.shape)")
    let labels = Tensor(labels.map(Int64.init), device: hidden.device).unsqueeze(1)
    return rows(
      hidden, rowsAtOnce,
      value: { logits, start, count in
        logits.gather(1, labels.narrow(0, start, count)).squeeze(1) - logits.logSumExp(1)
      },
      derivative: { logits, start, count in
        let own = labels.narrow(0, start, count), others = -logits.softmax(1)
        return others.scatter(1, own, others.gather(1, own) + 1)
      })
  }

  /// Divergence over the whole vocabulary between what the model says and what others do at the same rows, `[N]` as
  /// above. Gradients flow to the model alone.
  ///
  /// - Parameters:
  ///   - hidden: `[N, H]`.
  ///   - divergence: which.
  ///   - temperature: both sides' logits are divided by it.
  ///   - rowsAtOnce: rows of logits in memory.
  ///   - target: of some rows, from the first of them on, the other side's logits `[n, V]` in float32 or float64, or
  ///     the numbers whose mean is taken (``VocabularyDivergence/meanOf``). Called again in the backward pass.
  public func divergences(
    _ hidden: Tensor, _ divergence: VocabularyDivergence, temperature: Double = 1,
    rowsAtOnce: Int = OutputHead.rowsAtOnce, from target: @escaping (_ start: Int, _ count: Int) -> Tensor
  ) -> Tensor {
    precondition(temperature.isFinite && temperature > 0, "temperature \(temperature)")
    func sides(_ logits: Tensor, _ start: Int, _ count: Int) -> (logP: Tensor, other: Tensor) {
      let other = noGrad { target(start, count) }
      return (
        (logits * (1 / temperature)).logSoftmax(1),
        divergence == .meanOf ? other : (other * (1 / temperature)).logSoftmax(1)
      )
    }
    return rows(
      hidden, rowsAtOnce,
      value: { logits, start, count in
        let (logP, other) = sides(logits, start, count)
        return divergence.value(logP, other)
      },
      derivative: { logits, start, count in
        let (logP, other) = sides(logits, start, count)
        return divergence.derivative(logP, other) * (1 / temperature)
      })
  }

  /// A number of each row of logits, `[N]`, by its value and its derivative `[n, V]` by the logits.
  private func rows(
    _ hidden: Tensor, _ rowsAtOnce: Int, value: @escaping (_ logits: Tensor, _ start: Int, _ count: Int) -> Tensor,
    derivative: @escaping (_ logits: Tensor, _ start: Int, _ count: Int) -> Tensor
  ) -> Tensor {
    precondition(rowsAtOnce > 0, "\(rowsAtOnce) rows at once")
    let count = hidden.size(0)
    func each(_ body: (_ start: Int, _ count: Int) -> Void) {
      for start in stride(from: 0, to: count, by: rowsAtOnce) { body(start, min(rowsAtOnce, count - start)) }
    }
    func head(_ inputs: [Tensor]) -> OutputHead {
      OutputHead(weight: inputs[1], bias: inputs.count > 2 ? inputs[2] : nil, cap: cap)
    }
    let function = DifferentiableFunction(
      inputs: bias == nil ? 2 : 3, outputs: 1,
      forward: { inputs in
        var parts = [Tensor.zeros([0], dtype: inputs[0].single.dtype, device: inputs[0].device)]
        each { parts.append(value(head(inputs)(inputs[0].narrow(0, $0, $1)).single, $0, $1)) }
        return [Tensor.cat(parts)]
      },
      backward: { inputs, _, gradients in
        guard let gradient = gradients[0] else { return inputs.map { _ in nil } }
        let sums = inputs.map { $0.requiresGrad ? $0.zerosLike() : nil }
        each { start, count in
          let rows = inputs[0].narrow(0, start, count)
          let logits = head(inputs)(rows).single
          var slope = derivative(logits, start, count) * gradient.narrow(0, start, count).unsqueeze(1)
          // Of cap · tanh(z / cap) by z.
          if let cap { slope = slope * (1 - (logits / cap).square()) }
          let dz = slope.to(rows.dtype)
          sums[0]?.narrow(0, start, count).copy_(dz.mm(inputs[1]))
          sums[1]?.add_(dz.transpose(0, 1).mm(rows))
          if inputs.count > 2 { sums[2]?.add_(dz.sum(0)) }
        }
        return sums
      })
    return function([hidden, weight] + (bias.map { [$0] } ?? []))[0]
  }
}

/// A divergence over the whole vocabulary between p, what a model says, and q, what others do.
public enum VocabularyDivergence: Sendable, Hashable, Codable {
  /// KL(q ‖ p).
  case forward
  /// KL(p ‖ q).
  case reverse
  /// β·KL(q ‖ M) + (1 − β)·KL(p ‖ M) with M = (1 − β)·p + β·q, 0 < β < 1 (Agarwal et al. 2024, arXiv 2306.13649).
  case jensenShannon(beta: Double)
  /// Σ p·a of numbers a in the place of q.
  case meanOf

  /// Of rows, `[n]`.
  fileprivate func value(_ logP: Tensor, _ logQ: Tensor) -> Tensor {
    switch self {
    case .forward: return (logQ.exp() * (logQ - logP)).sum(1)
    case .reverse: return (logP.exp() * (logP - logQ)).sum(1)
    case .jensenShannon(let beta):
      let logM = Self.mixture(logP, logQ, beta)
      return (logQ.exp() * (logQ - logM)).sum(1) * beta + (logP.exp() * (logP - logM)).sum(1) * (1 - beta)
    case .meanOf: return (logP.exp() * logQ).sum(1)
    }
  }

  /// By the logits of p, `[n, V]`.
  fileprivate func derivative(_ logP: Tensor, _ logQ: Tensor) -> Tensor {
    let p = logP.exp()
    func centred(_ values: Tensor) -> Tensor { p * (values - (p * values).sum(1, keepDim: true)) }
    switch self {
    case .forward: return p - logQ.exp()
    case .reverse: return centred(logP - logQ)
    case .jensenShannon(let beta): return centred(logP - Self.mixture(logP, logQ, beta)) * (1 - beta)
    case .meanOf: return centred(logQ)
    }
  }

  private static func mixture(_ logP: Tensor, _ logQ: Tensor, _ beta: Double) -> Tensor {
    Tensor.stack([logP + log1p(-beta), logQ + log(beta)]).logSumExp(0)
  }
}

extension Tensor {
  /// At least float32.
  fileprivate var single: Tensor { dtype == .float16 || dtype == .bfloat16 ? to(.float32) : self }
}
