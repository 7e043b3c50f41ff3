// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

/// Gradients accumulated in place are those of autograd, whatever the order and number of backwards.
@Suite struct GradientsInPlaceTests {
  /// A tied table, a layer used twice, layers that share an input, biases, and a frozen weight.
  struct Net {
    var table = samples(11, 6, seed: 1), square = samples(6, 6, seed: 2), bias = samples(6, seed: 3)
    var wide = samples(9, 6, seed: 4), narrow = samples(4, 6, seed: 5), frozen = samples(6, 6, seed: 6)
    var leaves: [Tensor] { [table, square, bias, wide, narrow] }

    init() { for leaf in leaves { leaf.requiresGrad(true) } }

    func loss(_ ids: Tensor) -> Tensor {
      var x = table.embedding(ids)
      for _ in 0..<2 { x = x.linear(square, bias).tanh() }
      let parts = x.linear(frozen).linears([(wide, nil), (narrow, nil)])
      let logits = x.linear(table)
      return logits.square().mean() + parts[0].sigmoid().sum() + (parts[1] * parts[1]).sum()
    }

    func gradients() -> [Tensor?] { leaves.map { $0.grad?.clone() } }
    func clear() { for leaf in leaves { leaf.grad = nil } }
  }

  let ids = Tensor([3, 1, 3, 0, 10, 3] as [Int64], shape: [2, 3])

  private func expect(_ net: Net, _ expected: [Tensor?], _ limit: Double = 1e-6) {
    for (found, expected) in zip(net.gradients(), expected) {
      #expect(relativeError(found!, expected!) < limit)
    }
    #expect(net.frozen.grad == nil)
  }

  @Test func oneStepEqualsAutograd() {
    let plain = Net(), net = Net()
    plain.loss(ids).backward()
    withGradientsInPlace(GradientBuffers()) { net.loss(ids).backward() }
    expect(net, plain.gradients())
  }

  /// Memory that nobody keeps ends with the gradient in it, but for what was given for it.
  @Test func memoryNeedNotBeKept() {
    let plain = Net(), net = Net(), buffers = GradientBuffers(keeping: false), place = Tensor.zeros([9, 6])
    buffers.bind(net.wide, to: place)
    for pass in 1...2 {
      plain.loss(ids).backward()
      withGradientsInPlace(buffers) { net.loss(ids).backward() }
      expect(net, plain.gradients())
      #expect(relativeError(place, plain.wide.grad!) < 1e-6, "pass \(pass)")
      #expect(buffers.bytes == place.count * 4)
    }
    net.clear()
    #expect(buffers.bytes == place.count * 4)
  }

  @Test func backwardMayRunOutsideTheScope() {
    let plain = Net(), net = Net()
    plain.loss(ids).backward()
    let loss = withGradientsInPlace(GradientBuffers()) { net.loss(ids) }
    loss.backward()
    expect(net, plain.gradients())
  }

  @Test func upstreamRetainedGraphsAndAccumulationAddUp() {
    let plain = Net(), net = Net(), buffers = GradientBuffers()
    func run(_ net: Net) {
      let first = net.loss(ids)
      first.backward(Tensor(scalar: Float(0.25)), retainGraph: true)
      first.backward(retainGraph: true)
      net.loss(ids.flip([0])).backward(Tensor(scalar: Float(-2)))
      first.backward()
    }
    run(plain)
    withGradientsInPlace(buffers) { run(net) }
    expect(net, plain.gradients())
  }

  /// The embedding's gradient first, then the head's, and the other way round: neither may overwrite the other.
  @Test(arguments: [true, false]) func aTiedTableDoesNotDependOnTheOrder(embeddingFirst: Bool) {
    let buffers = GradientBuffers()
    func run(_ table: Tensor) {
      let uses = [
        { table.embedding(ids).square().sum() }, { samples(3, 6, seed: 9).linear(table).square().sum() },
      ]
      for use in embeddingFirst ? uses : uses.reversed() { use().backward() }
    }
    let plain = Net().table, tied = Net().table
    run(plain)
    withGradientsInPlace(buffers) { run(tied) }
    #expect(relativeError(tied.grad!, plain.grad!) < 1e-6)
  }

  @Test func memoryIsKeptAndStaleValuesNeverReturn() {
    let net = Net(), buffers = GradientBuffers()
    var addresses = Set<UnsafeMutableRawPointer?>()
    var bytes = 0
    for step in 0..<4 {
      let plain = Net()
      let ids = Tensor([Int64(step), 2], shape: [1, 2])
      plain.loss(ids).backward()
      withGradientsInPlace(buffers) { net.loss(ids).backward() }
      expect(net, plain.gradients())
      addresses.insert(net.table.grad!.withUnsafeMutableBytes { $0.baseAddress })
      if step == 0 { bytes = buffers.bytes }
      #expect(buffers.bytes == bytes)
      net.clear()
    }
    #expect(addresses.count == 1)
    #expect(bytes == 4 * (11 * 6 + 6 * 6 + 9 * 6 + 4 * 6))
  }

  @Test func aGradientSomeoneHoldsIsNotOverwritten() {
    let net = Net(), buffers = GradientBuffers()
    withGradientsInPlace(buffers) { net.loss(ids).backward() }
    let held = net.table.grad!, before = held.clone()
    let view = net.wide.grad!.narrow(0, 0, 2), viewed = view.clone()
    net.clear()
    withGradientsInPlace(buffers) { net.loss(ids.flip([1])).backward() }
    #expect(held.isEqual(to: before))
    #expect(view.isEqual(to: viewed))
  }

  @Test func replacedWeightsLeaveNothingBehind() {
    let buffers = GradientBuffers()
    for _ in 0..<5 {
      let net = Net()
      withGradientsInPlace(buffers) { net.loss(ids).backward() }
    }
    #expect(buffers.bytes == 4 * (11 * 6 + 6 * 6 + 9 * 6 + 4 * 6))
  }

  @Test func collectedGradientsAreReturnedNotAccumulated() {
    let plain = Net(), net = Net()
    plain.loss(ids).backward()
    let found = withGradientsInPlace(GradientBuffers()) {
      gradients(of: [net.loss(ids)], withRespectTo: net.leaves)
    }
    for (found, expected) in zip(found, plain.gradients()) { #expect(relativeError(found!, expected!) < 1e-6) }
    #expect(net.gradients().allSatisfy { $0 == nil })
  }

  @Test func secondDerivativesOfLinearLayersExist() {
    let x = samples(3, 4, seed: 1).to(.float64).requiresGrad(true)
    let w = samples(2, 4, seed: 2).to(.float64).requiresGrad(true), v = samples(5, 4, seed: 3).to(.float64)
    func second(_ layers: (Tensor) -> [Tensor]) -> Tensor {
      let first = gradients(of: layers(x).map { $0.pow(3).sum() }, withRespectTo: [x], createGraph: true)[0]!
      return gradients(of: [first.square().sum()], withRespectTo: [w])[0]!
    }
    let expected = second { [$0.linear(w), $0.linear(v)] }
    #expect(relativeError(second { $0.linears([(w, nil), (v, nil)]) }, expected) < 1e-12)
    let inPlace = withGradientsInPlace(GradientBuffers()) { second { $0.linears([(w, nil), (v, nil)]) } }
    #expect(relativeError(inPlace, expected) < 1e-12)
  }

  @Test func severalLayersWithBiasesEqualOneByOne() {
    let shapes = [(3, true), (5, false), (2, true)]
    func run(together: Bool) -> [Tensor] {
      let x = samples(2, 3, 7, seed: 1).requiresGrad(true)
      let layers = shapes.enumerated().map { index, shape in
        let weight = samples(shape.0, 7, seed: 10 + UInt64(index)).requiresGrad(true)
        return (weight: weight, bias: shape.1 ? samples(shape.0, seed: 20).requiresGrad(true) : nil)
      }
      let outputs = together ? x.linears(layers) : layers.map { x.linear($0.weight, $0.bias) }
      (outputs[0].square().sum() + outputs[2].sin().sum()).backward()  // the second one is not used
      #expect(layers[1].weight.grad == nil)
      return outputs + [x.grad!, layers[0].weight.grad!, layers[0].bias!.grad!, layers[2].bias!.grad!]
    }
    for (a, b) in zip(run(together: true), run(together: false)) { #expect(relativeError(a, b) < 1e-6) }
  }

  @Test func halfPrecisionAndEmptyBatchesWork() {
    let weight = samples(5, 6, seed: 1).to(.bfloat16).requiresGrad(true), x = samples(3, 6, seed: 2).to(.bfloat16)
    let table = samples(5, 6, seed: 1).to(.bfloat16).requiresGrad(true)
    withGradientsInPlace(GradientBuffers()) {
      x.linear(weight).sum().backward()
      table.embedding(Tensor([1, 1] as [Int64])).sum().backward()
      table.embedding(Tensor([Int64]())).linear(weight).sum().backward()
    }
    #expect(weight.grad?.dtype == .bfloat16)
    #expect(table.grad?.sum(1).array(of: Float.self) == [0, 12, 0, 0, 0])
  }

  @Test func scopesNestAndEnd() {
    let outer = GradientBuffers(), inner = GradientBuffers(), net = Net()
    withGradientsInPlace(outer) {
      withGradientsInPlace(inner) {}
      net.loss(ids).backward()
    }
    #expect(inner.bytes == 0)
    #expect(outer.bytes > 0)
    let other = Net()
    other.loss(ids).backward()
    #expect(outer.bytes == 4 * (11 * 6 + 6 * 6 + 9 * 6 + 4 * 6))
  }
}
