// SPDX-License-Identifier: Apache-2.0
import Torch

/// An objective from hidden states as a composition of operators, for some rows at a time: what runs where our kernels do
/// not, on a GPU above all. Logits `[N, V]` never exist.
///
/// Like the kernels it makes every gradient in the forward pass, while the logits of a chunk are there: the total is
/// linear in its upstream gradient, so that the backward pass only multiplies. Nothing is read on the host.
struct ChunkedLoss {
  let plan: LossPlan
  let head: OutputHead
  /// Rows whose logits exist at a time.
  let rowsAtOnce: Int

  /// 64 MiB of logits, on other devices than the CPU 256 MiB, which keeps the number of chunks, and so of operators,
  /// small; but at least 64 rows, so that the products run well.
  static func rowsAtOnce(vocabulary: Int, on device: Device) -> Int {
    RowsAtOnce.number ?? max(64, (device == .cpu ? 1 << 24 : 1 << 26) / max(1, vocabulary))
  }

  /// - Parameters:
  ///   - hidden: `[N, H]`.
  ///   - contrast: hidden states `[C, H]` of the contrastive passes, if there are any.
  func callAsFunction(_ hidden: Tensor, contrast: Tensor?) -> LossValue {
    let inputs = [hidden, head.weight] + [head.bias, contrast].compactMap { $0 }
    let hasBias = head.bias != nil, isRecorded = Torch.recordsGraph
    var made = [Tensor?]()
    let function = DifferentiableFunction(
      inputs: inputs.count, outputs: 2,
      forward: { inputs in
        var pass = ChunkedPass(
          hidden: inputs[0], head: OutputHead(weight: inputs[1], bias: hasBias ? inputs[2] : nil, cap: head.cap),
          contrast: contrast == nil ? nil : inputs[inputs.count - 1], isRecorded: isRecorded)
        for start in stride(from: 0, to: plan.labels.count, by: rowsAtOnce) {
          let rows = start..<min(start + rowsAtOnce, plan.labels.count)
          pass.add(plan.narrowed(to: rows), rows)
        }
        made = pass.gradients
        return [pass.total, Tensor.stack(pass.sums)]
      },
      backward: { _, _, upstream in
        guard let factor = upstream[0] else { return made.map { _ in nil } }
        if DifferentiableFunction.keepsGraph { return made.map { $0.map { $0 * factor } } }
        defer { made = made.map { _ in nil } }
        return made.map { gradient in
          gradient?.mul_(factor)
          return gradient
        }
      })
    let found = function(inputs), sums = found[1].detach()
    let terms = [("ce", 1.0)] + plan.distanceLosses.map { ($0.name, $0.weight) }
    return LossValue(
      total: found[0],
      lossTerms: terms.enumerated().map {
        LossValue.Term(name: $0.element.0, weight: $0.element.1, value: sums.select(0, $0.offset))
      })
  }
}

/// For tests: other chunks than the size of the vocabulary suggests.
package enum RowsAtOnce {
  /// Rows of logits that exist at a time where losses are a composition of operators.
  @TaskLocal package static var number: Int?
}

/// What a chunked loss has come to.
private struct ChunkedPass {
  let hidden: Tensor, head: OutputHead, contrast: Tensor?
  /// Σ weight · term, and the terms: `[]`.
  var total: Tensor, sums: [Tensor] = []
  /// By the place of the input they belong to: hidden states, weight, bias and contrast states as far as there are any.
  var gradients: [Tensor?] {
    let made = [(hiddenGradient, hidden), (weightGradient, head.weight)]
    let others = [head.bias.map { (biasGradient, $0) }, contrast.map { (contrastGradient, $0) }].compactMap { $0 }
    return (made + others).map { gradient, input in gradient?.to(input.dtype) }
  }

  // Of as many bits as the logits, since many chunks are added up.
  private let hiddenGradient, weightGradient, biasGradient, contrastGradient: Tensor?
  private var derives: Bool {
    hiddenGradient != nil || weightGradient != nil || biasGradient != nil || contrastGradient != nil
  }

  init(hidden: Tensor, head: OutputHead, contrast: Tensor?, isRecorded: Bool) {
    (self.hidden, self.head, self.contrast) = (hidden, head, contrast)
    let type: DType = hidden.dtype == .float64 ? .float64 : .float32
    func room(_ input: Tensor?) -> Tensor? {
      guard isRecorded, let input, input.requiresGrad else { return nil }
      return .zeros(input.shape, dtype: type, device: input.device)
    }
    (hiddenGradient, weightGradient) = (room(hidden), room(head.weight))
    (biasGradient, contrastGradient) = (room(head.bias), room(contrast))
    total = .zeros([], dtype: type, device: hidden.device)
  }

  /// Adds the loss of some rows, whose plan is `part`, and its gradients.
  mutating func add(_ part: LossPlan, _ rows: Range<Int>) {
    let states = hidden.narrow(0, rows.lowerBound, rows.count), logits = head(states).full.detach()
    var chosen = [(rows: Tensor, tokens: Tensor, logits: Tensor)]()
    if derives { logits.requiresGrad(true) }
    let loss = PlainLoss(
      plan: part, logits: logits,
      contrastLogits: { [head, contrast, derives] rows, tokens in
        let picked = noGrad { head.logits(of: tokens, in: rows, contrast) }
        if derives { chosen.append((rows, tokens, picked.requiresGrad(true))) }
        return picked
      })
    let value = derives ? enableGrad { loss() } : loss()
    total = total + value.total.detach()
    let values = value.lossTerms.map { $0.value.to(.float64) }
    sums = sums.isEmpty ? values : zip(sums, values).map { $0 + $1 }
    guard derives else { return }
    let leaves = [logits] + chosen.map(\.logits)
    let slopes = zip(derivatives(of: [value.total], withRespectTo: leaves), leaves).map { $0 ?? $1.zerosLike() }
    addProducts(head.beforeCap(slopes[0], logits), states, rows)
    for (place, slope) in zip(chosen, slopes.dropFirst()) {
      addChosen(head.beforeCap(slope, place.logits), rows: place.rows, tokens: place.tokens)
    }
  }

  /// From the derivative by products of states and weights, `[n, V]`.
  private func addProducts(_ slope: Tensor, _ states: Tensor, _ rows: Range<Int>) {
    let narrow = slope.to(states.dtype)
    hiddenGradient?.narrow(0, rows.lowerBound, rows.count).copy_(narrow.mm(head.weight))
    if let weightGradient {
      if weightGradient.dtype == narrow.dtype {
        weightGradient.addmm_(narrow.transpose(0, 1), states)
      } else {
        weightGradient.add_(narrow.transpose(0, 1).mm(states))
      }
    }
    biasGradient?.add_(slope.sum(0))
  }

  /// From the derivative by single products of a contrast state and a weight's row, `[n]`.
  private func addChosen(_ slope: Tensor, rows: Tensor, tokens: Tensor) {
    let each = slope.unsqueeze(1)
    contrastGradient?.indexAdd_(0, rows, each * head.weight.indexSelect(0, tokens).full)
    if let contrast { weightGradient?.indexAdd_(0, tokens, each * contrast.indexSelect(0, rows).full) }
    biasGradient?.indexAdd_(0, tokens, slope)
  }
}

extension OutputHead {
  /// Logits `[n]` of given tokens in given rows of hidden states `[C, H]`: single products.
  func logits(of tokens: Tensor, in rows: Tensor, _ hidden: Tensor?) -> Tensor {
    guard let hidden else { preconditionFailure("no hidden states of the contrastive passes") }
    let products = (hidden.indexSelect(0, rows).full * weight.indexSelect(0, tokens).full).sum(1)
    let logits = bias.map { products + $0.indexSelect(0, tokens).full } ?? products
    return cap.map { (logits / $0).tanh() * $0 } ?? logits
  }

  /// The derivative by what the cap was put on, from that by the logits.
  fileprivate func beforeCap(_ slope: Tensor, _ logits: Tensor) -> Tensor {
    guard let cap else { return slope }
    return slope * (1 - (logits.detach() / cap).square())
  }
}

/// `gradients(of:withRespectTo:)`, which in the structure above means its property.
private func derivatives(of outputs: [Tensor], withRespectTo inputs: [Tensor]) -> [Tensor?] {
  gradients(of: outputs, withRespectTo: inputs)
}

extension LossPlan {
  /// The plan of some rows alone.
  func narrowed(to rows: Range<Int>) -> LossPlan {
    var plan = self
    plan.labels = Array(labels[rows])
    plan.distanceLosses = distanceLosses.map { distanceLoss in
      var distanceLoss = distanceLoss
      distanceLoss.parts = distanceLoss.parts.compactMap { $0.narrowed(to: rows) }
      return distanceLoss
    }
    return plan
  }
}

extension LossPlan.Part {
  /// The positions in some rows, with those rows of the tables that they need; nil if there are none.
  fileprivate func narrowed(to rows: Range<Int>) -> LossPlan.Part? {
    let kept = term.logitRows.indices.filter { rows.contains(Int(term.logitRows[$0])) }
    if kept.isEmpty { return nil }
    func pick<Value>(_ column: [Value]) -> [Value] { column.isEmpty ? [] : kept.map { column[$0] } }
    var part = self
    part.term.logitRows = kept.map { term.logitRows[$0] - Int64(rows.lowerBound) }
    part.term.weights = pick(term.weights)
    part.term.targets = pick(term.targets)
    part.term.contrastiveTokens = pick(term.contrastiveTokens)
    part.term.contrastiveRows = pick(term.contrastiveRows)
    part.uniforms = uniforms?.indexSelect(0, Tensor(kept.map(Int64.init)))
    guard case .rows(let p, let logP) = term.table else { return part }
    let used = Set(part.term.targets).sorted(), index = Tensor(used)
    let places = Dictionary(uniqueKeysWithValues: used.enumerated().map { ($1, Int64($0)) })
    part.term.table = .rows(p: p.indexSelect(0, index), logP: logP.indexSelect(0, index))
    part.costs = costs?.indexSelect(0, index)
    part.term.targets = part.term.targets.map { places[$0] ?? 0 }
    return part
  }
}
