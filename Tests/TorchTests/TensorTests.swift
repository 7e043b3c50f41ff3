// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

@Suite struct TensorTests {
  @Test(arguments: [DType.float32, .float64, .bfloat16, .float16, .int64, .int32, .int16, .int8, .uint8])
  func valuesSurviveEveryType(dtype: DType) {
    let values: [Double] = [0, 1, 2, 3, 100, 7]
    let tensor = Tensor(values, shape: [2, 3]).to(dtype)
    #expect(tensor.dtype == dtype)
    #expect(tensor.shape == [2, 3])
    #expect(tensor.array(of: Double.self) == values)
  }

  @Test func boolAndEmptyAndScalar() {
    #expect(Tensor([true, false]).array(of: Bool.self) == [true, false])
    #expect(Tensor([Float](), shape: [0, 4]).array(of: Float.self).isEmpty)
    #expect(Tensor(scalar: 2.5).item() == 2.5)
    #expect(Tensor(scalar: Int64(1) << 40).intItem() == 1 << 40)
  }

  @Test func nonContiguousTensorsReadInRowMajorOrder() {
    let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]).transpose(0, 1)
    #expect(!tensor.isContiguous)
    #expect(tensor.array(of: Float.self) == [1, 4, 2, 5, 3, 6])
    #expect(tensor.size(-1) == 2)
  }

  @Test func wrappedMemoryKeepsItsOwnerAlive() {
    final class Owner { var values = UnsafeMutablePointer<Float>.allocate(capacity: 4); deinit { values.deallocate() } }
    weak var seen: Owner?
    var tensor: Tensor?
    do {
      let owner = Owner()
      for i in 0..<4 { owner.values[i] = Float(i) }
      seen = owner
      tensor = Tensor(unowned: owner.values, shape: [4], dtype: .float32, keeping: owner)
    }
    #expect(seen != nil)
    #expect(tensor?.narrow(0, 1, 2).array(of: Float.self) == [1, 2])
    tensor = nil
    #expect(seen == nil)
  }

  /// A tensor that cannot be made lets go of its owner: a negative size, and a scope that has failed before.
  @Test(arguments: [[-1], [4]]) func failedWrappingLetsTheOwnerGo(_ shape: [Int]) {
    final class Owner { var values = UnsafeMutablePointer<Float>.allocate(capacity: 4); deinit { values.deallocate() } }
    weak var seen: Owner?
    #expect(throws: TorchError.self) {
      try withTorchErrors {
        if shape == [4] { _ = Tensor.ones([2]).view([3]) }
        let owner = Owner()
        seen = owner
        _ = Tensor(unowned: owner.values, shape: shape, dtype: .float32, keeping: owner)
      }
    }
    #expect(seen == nil)
  }

  /// Complex numbers are not read as something else.
  @Test func unknownElementTypesAreErrors() {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors { Op("aten::complex")(Tensor.ones([2]), Tensor.ones([2])).dtype }
    }
    #expect(error?.description.contains("element type 9") == true, "\(error as Any)")
  }

  @Test func everyArgumentKindReachesItsOperator() {
    let x = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    #expect(Tensor.cat([x, x], 1).shape == [2, 4])  // tensor list
    #expect(x.index([nil, Tensor([1] as [Int64])]).array(of: Float.self) == [2, 4])  // optional tensor list
    #expect(Op("aten::sum", "dim_IntList")(x, [0], true, DType.float64).dtype == .float64)  // ints, bool, dtype
    #expect(Op("aten::gelu")(x, "tanh").shape == [2, 2])  // string
    #expect(x.split(1, 0).count == 2)  // tensor list result
    #expect(x.topK(1).indices.array(of: Int64.self) == [1, 1])  // several results
    #expect(Op("aten::equal").bool(x, x))  // bool result
    #expect(Tensor.randn([2], generator: Generator(seed: 1)).shape == [2])  // generator
    #expect(Op("aten::add", "Tensor").schema.contains("alpha=1"))
  }

  @Test func errorsCarryTorchsMessageWithoutItsStack() {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors { Tensor.ones([2, 3]).mm(Tensor.ones([2, 3])).sum().item() }
    }
    #expect(error?.description.contains("mat1 and mat2 shapes cannot be multiplied") == true)
    #expect(error?.description.contains("\n") == false)
    // A wrong kind of argument is an error, not an assertion inside a kernel.
    let kind = #expect(throws: TorchError.self) { try withTorchErrors { _ = Op("aten::relu")("text") } }
    #expect(kind?.description.contains("argument 'self' must be Tensor") == true)
    let missing = #expect(throws: TorchError.self) { try withTorchErrors { _ = Op("aten::mm")(Tensor.ones([1, 1])) } }
    #expect(missing?.description.contains("missing argument 'mat2'") == true)
    let backend = #expect(throws: TorchError.self) {
      try withTorchErrors { _ = Tensor.ones([2]).to(.cuda(0)) }
    }
    #expect((backend?.description.count ?? 0) < 1000)
  }

  @Test func theFirstErrorOfAScopeWinsAndOuterScopesStayClean() throws {
    try withTorchErrors {
      #expect(throws: TorchError.self) {
        try withTorchErrors {
          let bad = Tensor.ones([2]).view([3])
          _ = bad.sum().item() + Double(bad.size(0))  // goes on with nothing
        }
      }
      #expect(Tensor.ones([2]).sum().item() == 2)
    }
  }

  @Test func generatorsAreSeededAndResumable() {
    let a = Generator(seed: 42), b = Generator(seed: 42)
    #expect(Tensor.randn([5], generator: a).isEqual(to: Tensor.randn([5], generator: b)))
    let state = a.state
    let next = Tensor.rand([3], generator: a)
    a.state = state
    #expect(Tensor.rand([3], generator: a).isEqual(to: next))
    // torch.manual_seed(42); torch.randn(3)
    Torch.seed(42)
    let expected: [Float] = [0.33669036626815796, 0.12880940735340118, 0.23446236550807953]
    #expect(Tensor.randn([3]).array(of: Float.self) == expected)
  }

  @Test func theLoadedLibraryIsTheOneWeWereBuiltFor() throws {
    #expect(Torch.version.loaded == Torch.version.built)
    try Torch.checkVersion()
  }
}
