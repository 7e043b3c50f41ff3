// SPDX-License-Identifier: Apache-2.0
import Torch

/// How the rewards of the responses to one prompt are matched to their target: the fifth slot of objectives over whole
/// responses. Below, x are the rewards, s the target, K the number of responses.
public enum SequenceLink: Sendable, Hashable, Codable {
  /// The softmax of the rewards against s, with γ taken from the reward of the best response (SimPO's margin).
  /// Forward, cross entropy −Σ s·log softmax(x); reverse, KL(softmax(x) ‖ s).
  case softmax(DistanceLoss.Direction = .forward, margin: Double = 0)
  /// Each response against noise: −Σ s·log σ(x − δ) − Σ n·log σ(δ − x).
  case sigmoid(noise: Noise, shift: Shift = .none)
  /// −Σ_k log softmax(x over the ranks from k on)_k, for an order.
  case plackettLuce
  /// Σ_{i<j} ((R_i − x_i) − (R_j − x_j))² / (2β(K − 1)), for the scores R (CoPG).
  case squared
  /// (m_first − m_other − 1/(2β))² with m = x/β (IPO).
  case squaredMargin
  /// Σ s·w·(1 − σ(x − βz)) + (1 − s)·w′·(1 − σ(βz − x)) (KTO), z = max(0, mean m of responses to other prompts).
  case prospect(wanted: Double = 1, unwanted: Double = 1)
  /// −Σ s·x
  case likelihood

  /// Weight n of noise in ``sigmoid(noise:shift:)``.
  public enum Noise: String, Sendable, Hashable, Codable, CaseIterable {
    /// 1/K for each response (NCA).
    case uniform
    /// 1 − s.
    case complement
  }

  /// Where δ of ``sigmoid(noise:shift:)`` comes from.
  public enum Shift: String, Sendable, Hashable, Codable, CaseIterable {
    /// 0.
    case none
    /// The step's anchor (`Supervision.anchor`), in units of x.
    case anchor
  }

  /// Whether the step's anchor is read.
  public var readsAnchor: Bool {
    switch self {
    case .prospect, .sigmoid(_, shift: .anchor): true
    default: false
    }
  }
}

/// Groups of the same number of responses, side by side.
struct GroupRewards {
  /// m `[G, K]`.
  let unscaled: Tensor
  /// β
  let beta: Double
  /// The target, `[G, K]`.
  let target: Tensor
  /// 1 for the first of the best responses, else 0: `[G, K]`.
  let best: Tensor
  /// z or δ.
  let anchor: Double

  /// x = β·m
  var rewards: Tensor { unscaled * beta }
}

extension SequenceLink {
  /// The loss of each group, `[G]`.
  func losses(_ groups: GroupRewards) -> Tensor {
    let x = groups.rewards, s = groups.target, count = x.size(1)
    switch self {
    case .softmax(let direction, let margin):
      let logQ = (margin == 0 ? x : x - groups.best * margin).logSoftmax(1)
      return direction == .forward ? -(s * logQ).sum(1) : (logQ.exp() * (logQ - s.log())).sum(1)
    case .sigmoid(let noise, let shift):
      let shifted = shift == .anchor ? x - groups.anchor : x
      let against = (-shifted).logSigmoid()
      return -(s * shifted.logSigmoid()).sum(1)
        - (noise == .uniform ? against.sum(1) * (1 / Double(count)) : ((1 - s) * against).sum(1))
    case .plackettLuce:
      let ordered = x.gather(1, s.to(.int64))
      return (0..<count - 1).reduce(x.zerosLike().sum(1)) { sum, rank in
        let rest = ordered.narrow(1, rank, count - rank)
        return sum + rest.logSumExp(1) - rest.select(1, 0)
      }
    case .squared:
      let gap = s - x
      // Σ_{i<j} (g_i − g_j)² = K·Σ g² − (Σ g)², taken about the mean so that nothing is lost.
      let centred = gap - gap.mean(1, keepDim: true)
      return centred.square().sum(1) * (Double(count) / (2 * groups.beta * Double(max(count - 1, 1))))
    case .squaredMargin:
      let m = groups.unscaled
      let margin = (m * groups.best).sum(1) * 2 - m.sum(1)
      return (margin - 1 / (2 * groups.beta)).square()
    case .prospect(let wanted, let unwanted):
      let above = x - groups.beta * groups.anchor
      return (s * (-above).sigmoid() * wanted + (1 - s) * above.sigmoid() * unwanted).sum(1)
    case .likelihood: return -(s * x).sum(1)
    }
  }
}
