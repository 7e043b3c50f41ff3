// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch
import TorchNN

private final class Pair: Module {
  @Child("first") var first: Linear
  @Children("rest") var rest: [Linear]
  @Parameter("scale") var scale: Tensor
  override init() {
    super.init()
    first = Linear(2, 3)
    rest = [Linear(3, 3, bias: false), Linear(3, 2)]
    scale = .ones([1])
  }
}

@Suite struct ModuleTests {
  @Test func namesFollowTheTreeOwnParametersFirst() {
    let keys = Pair().parameters(prefix: "model.").map(\.key)
    #expect(
      keys == [
        "model.scale", "model.first.weight", "model.first.bias", "model.rest.0.weight", "model.rest.1.weight",
        "model.rest.1.bias",
      ])
    #expect(Pair().descendants().map(\.key) == ["", "first", "rest.0", "rest.1"])
  }

  @Test func freezingReachesEveryParameterAndReplacingATensorKeepsIt() {
    let pair = Pair()
    #expect(pair.trainableParameters().isEmpty)
    pair.unfreeze()
    pair.rest[1].freeze()
    #expect(pair.trainableParameters().map(\.key) == ["scale", "first.weight", "first.bias", "rest.0.weight"])
    pair.first.weight = .ones([3, 2])
    #expect(pair.first.weight.requiresGrad)
    pair.rest[1].weight = .ones([2, 3])
    #expect(!pair.rest[1].weight.requiresGrad)
  }

  @Test func aTiedParameterIsTrainedOnce() {
    let pair = Pair()
    pair.unfreeze()
    pair.rest[0].weight = pair.rest[1].weight
    #expect(pair.parameters().count == 6)
    #expect(
      pair.trainableParameters().map(\.key) == ["scale", "first.weight", "first.bias", "rest.0.weight", "rest.1.bias"])
  }

  @Test func trainingModeReachesEveryDescendant() {
    let pair = Pair()
    pair.setTraining(true)
    #expect(pair.descendants().allSatisfy { $0.module.isTraining })
    pair.rest[0].setTraining(false)
    #expect(pair.isTraining && !pair.rest[0].isTraining)
  }

  @Test func theCacheKeepsWhatWasAppended() {
    let cache = KeyValueCache(layers: 2, batch: 1, heads: 1, capacity: 4, width: 2)
    for (start, count) in [(0, 3), (3, 1)] {
      let new = Tensor((start..<start + count).flatMap { [Float($0), Float($0)] }, shape: [1, 1, count, 2])
      for layer in 0..<2 {
        let (keys, values) = cache.append(layer: layer, key: new, value: new * 10.0)
        #expect(keys.select(3, 0).array(of: Float.self) == (0..<start + count).map(Float.init))
        #expect(values.select(3, 1).array(of: Float.self) == (0..<start + count).map { Float($0) * 10 })
      }
      cache.advance(by: count)
    }
    #expect(cache.length == 4)
    cache.truncate(to: 1)
    #expect(cache.append(layer: 0, key: .zeros([1, 1, 1, 2]), value: .zeros([1, 1, 1, 2])).key.shape == [1, 1, 2, 2])
  }
}
