// SPDX-License-Identifier: Apache-2.0
import Files
import Testing
import Torch
import TorchNN

private final class Block: Module {
  @Child("up") var up: Linear
  @Child("norm") var norm: RMSNorm
  override init() {
    super.init()
    up = Linear(3, 2, device: .meta)
    norm = RMSNorm(3, epsilon: 1e-5, device: .meta)
  }
}

private final class Stack: Module {
  @Child("table") var table: Embedding
  @Children("layers") var layers: [Block]
  override init() {
    super.init()
    table = Embedding(5, 3, device: .meta)
    layers = (0..<4).map { _ in Block() }
  }
}

/// The tensors a `Stack` wants.
private func weights() -> [String: Tensor] {
  var result = ["table.weight": Tensor.randn([5, 3])]
  for layer in 0..<4 {
    result["layers.\(layer).up.weight"] = .randn([2, 3])
    result["layers.\(layer).up.bias"] = .randn([2])
    result["layers.\(layer).norm.weight"] = .randn([3])
  }
  return result
}

@Suite struct LoadingTests {
  @Test func everyParameterIsSetWithoutCopying() throws {
    let stack = Stack(), weights = weights()
    stack.layers[1].up.$weight.isTrainable = true
    try stack.load(from: WeightDictionary(weights))
    #expect(stack.parameters().count == weights.count)
    for parameter in stack.parameters() {
      #expect(parameter.tensor.handle == weights[parameter.key]?.handle, "\(parameter.key)")
      #expect(parameter.tensor.requiresGrad == (parameter.key == "layers.1.up.weight"))
    }
  }

  @Test func elementsAreConverted() throws {
    let stack = Stack(), weights = weights()
    stack.unfreeze()
    try stack.load(from: WeightDictionary(weights), dtype: .bfloat16)
    for parameter in stack.parameters() {
      #expect(parameter.tensor.isEqual(to: weights[parameter.key]!.to(.bfloat16)))
      #expect(parameter.tensor.isLeaf)
      #expect(parameter.tensor.requiresGrad)
    }
  }

  @Test func oneErrorNamesEveryMismatchAndNothingIsSet() throws {
    var weights = weights()
    for name in ["layers.0.up.bias", "layers.1.up.bias", "layers.3.up.bias", "table.weight"] { weights[name] = nil }
    weights["model.table.weight"] = .randn([5, 3])
    weights["layers.2.norm.wieght"] = weights.removeValue(forKey: "layers.2.norm.weight")
    weights["extra"] = .randn([1])
    weights["layers.3.up.weight"] = .randn([3, 2])
    weights["layers.0.norm.weight"] = Tensor([1, 2, 3] as [Int64])
    let stack = Stack()
    let error = #expect(throws: InputError.self) {
      try stack.load(from: WeightDictionary(weights, path: "folder"))
    }
    #expect(error?.path == "folder")
    #expect(
      error?.found
        == "missing: table.weight (there is model.table.weight), layers.{0-1,3}.up.bias, "
        + "layers.2.norm.weight (there is layers.2.norm.wieght); "
        + "not used by the model: extra, layers.2.norm.wieght, model.table.weight; "
        + "misfit: layers.0.norm.weight of type int64 in folder, layers.3.up.weight [3, 2] instead of [2, 3] in folder")
    #expect(stack.parameters().allSatisfy { $0.tensor.device == .meta })
  }

  @Test func laxLoadingSkipsWhatDoesNotMeetButNotWrongShapes() throws {
    var weights = weights()
    weights["layers.0.up.bias"] = nil
    weights["extra"] = .randn([1])
    let stack = Stack()
    stack.layers[0].up.bias = .zeros([2])
    try stack.load(from: WeightDictionary(weights), strict: false)
    #expect(stack.layers[0].up.bias?.array(of: Float.self) == [0, 0])
    weights["table.weight"] = .randn([3, 5])
    #expect(throws: InputError.self) { try stack.load(from: WeightDictionary(weights), strict: false) }
  }

  @Test func valuesThatAreNotFiniteAreFoundOnRequest() throws {
    var weights = weights()
    try Stack().load(from: WeightDictionary(weights), checkingValues: true)
    weights["layers.2.norm.weight"] = Tensor([1, .nan, .infinity] as [Float])
    try Stack().load(from: WeightDictionary(weights))
    let error = #expect(throws: InputError.self) {
      try Stack().load(from: WeightDictionary(weights), checkingValues: true)
    }
    #expect(error?.place == "tensor layers.2.norm.weight")
    #expect(error?.found == "2 of 3 that are NaN or infinite")
    // A sum that overflows is not a fault.
    weights["layers.2.norm.weight"] = Tensor([3e38, 3e38, 3e38] as [Float])
    try Stack().load(from: WeightDictionary(weights), checkingValues: true)
  }

  @Test func renamedSourcesGiveTheirTensorsUnderNewNames() throws {
    let base = WeightDictionary(["a.x": .ones([1]), "a.y": .zeros([1]), "b": .ones([2])])
    let renamed = RenamedWeights(base) { $0.hasPrefix("a.") ? String($0.dropFirst(2)) : nil }
    #expect(renamed.names == ["x", "y"])
    #expect(renamed.entry("x")?.shape == [1])
    #expect(renamed.entry("b") == nil)
    #expect(try renamed.tensor("y").item() == 0)
  }

  @Test func freshValuesComeFromTheSeed() {
    func fresh(_ seed: UInt64) -> [Tensor] {
      let stack = Stack()
      stack.initialise(standardDeviation: 0.5, generator: Generator(seed: seed))
      return stack.parameters().map(\.tensor)
    }
    let (a, b, c) = (fresh(1), fresh(1), fresh(2))
    #expect(zip(a, b).allSatisfy { $0.isEqual(to: $1) })
    #expect(!a[0].isEqual(to: c[0]))
    let stack = Stack()
    stack.initialise(standardDeviation: 0.5, generator: Generator(seed: 1), dtype: .bfloat16)
    #expect(stack.layers[0].norm.weight.array(of: Float.self) == [1, 1, 1])
    #expect(stack.layers[0].up.bias?.array(of: Float.self) == [0, 0])
    #expect(stack.parameters().allSatisfy { $0.tensor.dtype == .bfloat16 })
    let wide = Linear(200, 100, device: .meta)
    wide.initialise(standardDeviation: 0.5, generator: Generator(seed: 1))
    #expect(abs(wide.weight.norm().item() / (0.5 * 20_000.0.squareRoot()) - 1) < 0.02)
    // Without a deviation: 1/√inputs of a matrix, so 100 rows of norm one; 0.02 of a table.
    wide.initialise(standardDeviation: nil, generator: Generator(seed: 1))
    #expect(abs(wide.weight.norm().item() / 100.0.squareRoot() - 1) < 0.02)
    let table = Embedding(200, 100, device: .meta)
    table.initialise(standardDeviation: nil, generator: Generator(seed: 1))
    #expect(abs(table.weight.norm().item() / (0.02 * 20_000.0.squareRoot()) - 1) < 0.02)
  }
}
