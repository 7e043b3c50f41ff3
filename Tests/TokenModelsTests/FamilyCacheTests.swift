// SPDX-License-Identifier: Apache-2.0
import Evaluation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// The same tokens in other portions, beside others, padded or packed, give the same hidden states in every family:
/// windows, bounds and positions hold in training, scoring and generation.
@Suite struct FamilyCacheTests {
  /// Dynamic scaling and LongRoPE read a sequence otherwise as it grows, and so are compared below their limits.
  static let all = FamilyFixture.all.filter { $0.name != "llama-dynamic" && $0.name != "phi4-mini" }

  @Test(arguments: all, [[14], [1] + Array(repeating: 1, count: 13), [8, 1, 1, 4]])
  func portionsThroughTheCacheEqualOneForward(fixture: FamilyFixture, portions: [Int]) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids")
    let cache = model.makeCache(batch: 2, capacity: 14), whole = hidden(model, ids)
    var start = 0
    let parts = noGrad {
      portions.map { count in
        defer { start += count }
        return model.hidden(ModelInput(ids: ids.narrow(1, start, count)), cache: cache, rows: nil)
      }
    }
    #expect(difference(Tensor.cat(parts, 1), whole) < 2e-5)
  }

  /// Sequences of 14 and 9 tokens side by side, the shorter padded on the left: prompt, then step by step.
  @Test(arguments: all) func aLeftPaddedBatchEqualsEachAlone(fixture: FamilyFixture) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids"), padding = [0, 5]
    let short = ids.narrow(0, 1, 1).narrow(1, 0, 9), long = ids.narrow(0, 0, 1)
    let batch = Tensor.cat([long, .cat([.zeros([1, 5], dtype: .int64), short], 1)], 0)
    func input(_ start: Int, _ end: Int) -> ModelInput {
      ModelInput(
        ids: batch.narrow(1, start, end - start),
        positions: AttentionMask.leftPaddedPositions(padding, queries: end - start, keys: end),
        mask: AttentionMask.leftPadded(padding, queries: end - start, keys: end))
    }
    let cache = model.makeCache(batch: 2, capacity: 14)
    let (whole, steps) = noGrad {
      (
        model.hidden(input(0, 14), cache: nil, rows: nil),
        [(0, 11), (11, 12), (12, 14)].map { model.hidden(input($0.0, $0.1), cache: cache, rows: nil) }
      )
    }
    for result in [whole, Tensor.cat(steps, 1)] {
      #expect(difference(result.narrow(0, 0, 1), hidden(model, long)) < 2e-5)
      #expect(difference(result.narrow(0, 1, 1).narrow(1, 5, 9), hidden(model, short)) < 2e-5)
    }
  }

  /// Documents end to end in rows, by the cheap way and by a mask, and their gradients.
  @Test(arguments: all) func packedDocumentsEqualEachAlone(fixture: FamilyFixture) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids"), documents = [[9, 5], [3, 10]]
    model.unfreeze()
    func run(_ states: () -> Tensor) -> (Tensor, [Tensor]) {
      let hidden = states()
      let weights = Tensor.arange(0, Double(hidden.count)).sin().view(hidden.shape)
      return (
        hidden,
        gradients(of: [(hidden * weights).sum()], withRespectTo: model.parameters().map(\.tensor)).compactMap { $0 }
      )
    }
    let rows = Tensor(Array(0..<27) as [Int64])  // all but the padding
    let alone = run {
      var parts: [Tensor] = []
      for (row, lengths) in documents.enumerated() {
        var start = 0
        for count in lengths {
          let part = ModelInput(ids: ids.narrow(0, row, 1).narrow(1, start, count))
          parts.append(model.hidden(part, cache: nil, rows: nil).flatten(0, 1))
          start += count
        }
      }
      return Tensor.cat(parts)
    }
    let packed = ModelInput(ids: ids, documents: documents)
    let masked = ModelInput(
      ids: ids, positions: AttentionMask.packedPositions(documents, length: 14),
      mask: AttentionMask.packed(documents, length: 14))
    for input in [packed, masked] {
      let together = run { model.hidden(input, cache: nil, rows: rows) }
      #expect(difference(together.0, alone.0) < 2e-5)
      #expect(together.1.count == alone.1.count)
      for (a, b) in zip(together.1, alone.1) { #expect(difference(a, b) < 1e-4 * max(b.abs().max().item(), 1)) }
    }
  }

  /// Prompts of unlike lengths, padded on the right, and steps after them: what decoding and scoring do.
  @Test(arguments: all) func aRaggedContextEqualsEachAlone(fixture: FamilyFixture) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids").to(.int32).array(of: Int32.self)
    let prompts = [Array(ids[0..<11]), Array(ids[14..<18]), Array(ids[3..<10])]
    let together = try ModelContext(model, prompts: prompts, room: 8)
    let alone = try prompts.map { try ModelContext(model, prompts: [$0], room: 8) }
    for step in 0..<7 {
      let logits = together.logits()
      for (row, context) in alone.enumerated() {
        #expect(difference(logits.narrow(0, row, 1), context.logits()) < 5e-5, "step \(step), prompt \(row)")
      }
      let next = [Int64(5 + step), Int64(20 - step), Int64(30 - step)]
      together.read(Tensor(next))
      for (row, context) in alone.enumerated() { context.read(Tensor([next[row]])) }
    }
  }

  private func hidden(_ model: any PretrainedModel, _ ids: Tensor) -> Tensor {
    noGrad { model.hidden(ModelInput(ids: ids), cache: nil, rows: nil) }
  }
}
