// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// The same tokens in other portions give the same logits.
@Suite struct LlamaCacheTests {
  /// Portions of one token, of several, and of several after some.
  @Test(arguments: Fixture.all, [[24], [1] + Array(repeating: 1, count: 23), [10, 1, 1, 5, 7]])
  func portionsThroughTheCacheEqualOneForward(fixture: Fixture, portions: [Int]) throws {
    let model = try fixture.model()
    let ids = try fixture.expected("ids")
    let cache = model.makeCache(batch: 2, capacity: 24)
    var start = 0
    let parts = noGrad {
      portions.map { count in
        defer { start += count }
        return model.hidden(ModelInput(ids: ids.narrow(1, start, count)), cache: cache, rows: nil)
      }
    }
    #expect(cache.length == 24)
    #expect(difference(Tensor.cat(parts, 1), try fixture.expected("hidden")) < 1e-5)
  }

  @Test func aTruncatedCacheGoesOnAsIfTheRestHadNeverBeen() throws {
    let fixture = Fixture.all[0]
    let model = try fixture.model()
    let ids = try fixture.expected("ids")
    let cache = model.makeCache(batch: 2, capacity: 30)
    let hidden = noGrad {
      _ = model.hidden(ModelInput(ids: ids.narrow(1, 0, 12)), cache: cache, rows: nil)
      _ = model.hidden(ModelInput(ids: ids.narrow(1, 0, 9)), cache: cache, rows: nil)
      cache.truncate(to: 12)
      return model.hidden(ModelInput(ids: ids.narrow(1, 12, 12)), cache: cache, rows: nil)
    }
    #expect(difference(hidden, try fixture.expected("hidden").narrow(1, 12, 12)) < 1e-5)
  }

  /// Sequences of 24 and 15 tokens side by side, the shorter padded on the left: prompt, then step by step.
  @Test(arguments: Fixture.all) func aLeftPaddedBatchEqualsEachAlone(fixture: Fixture) throws {
    let model = try fixture.model()
    let ids = try fixture.expected("ids"), padding = [0, 9]
    let short = ids.narrow(0, 1, 1).narrow(1, 0, 15)
    let batch = Tensor.cat([ids.narrow(0, 0, 1), Tensor.cat([.zeros([1, 9], dtype: .int64), short], 1)], 0)
    func input(_ start: Int, _ end: Int) -> ModelInput {
      ModelInput(
        ids: batch.narrow(1, start, end - start),
        positions: AttentionMask.leftPaddedPositions(padding, queries: end - start, keys: end),
        mask: AttentionMask.leftPadded(padding, queries: end - start, keys: end))
    }
    let (whole, steps, alone) = noGrad {
      let cache = model.makeCache(batch: 2, capacity: 24)
      let portions = [(0, 20), (20, 21), (21, 24)]
      return (
        model.hidden(input(0, 24), cache: nil, rows: nil),
        portions.map { model.hidden(input($0.0, $0.1), cache: cache, rows: nil) },
        model.hidden(ModelInput(ids: short), cache: nil, rows: nil)
      )
    }
    for result in [whole, Tensor.cat(steps, 1)] {
      #expect(difference(result.narrow(0, 0, 1), try fixture.expected("hidden").narrow(0, 0, 1)) < 1e-5)
      #expect(difference(result.narrow(0, 1, 1).narrow(1, 9, 15), alone) < 1e-5)
    }
  }

  /// Documents of 5, 12 and 7 tokens in one row know nothing of each other.
  @Test(arguments: Fixture.all) func packedDocumentsEqualEachAlone(fixture: Fixture) throws {
    let model = try fixture.model()
    let ids = try fixture.expected("ids").narrow(0, 0, 1), documents = [5, 12, 7]
    let packed = ModelInput(
      ids: ids, positions: AttentionMask.packedPositions([documents], length: 24),
      mask: AttentionMask.packed([documents], length: 24))
    try noGrad { () throws in
      let together = model.hidden(packed, cache: nil, rows: nil)
      var start = 0
      for count in documents {
        let alone = model.hidden(ModelInput(ids: ids.narrow(1, start, count)), cache: nil, rows: nil)
        #expect(difference(together.narrow(1, start, count), alone) < 1e-5)
        start += count
      }
      #expect(difference(together, try fixture.expected("hidden").narrow(0, 0, 1)) > 1e-2)
    }
  }
}
