// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// The 8-bit codes against `Tests/Fixtures/training/codes.py`.
@Suite struct DynamicCodesTests {
  @Test(arguments: [("signed", DynamicCodes.signed), ("unsigned", .unsigned)])
  func codesAndValuesEqualTheFormula(name: String, map: DynamicCodes) throws {
    func expected(_ part: String) throws -> Tensor { try Fixture.tensor("codes.safetensors", "\(name).\(part)") }
    let values = try expected("values").array(of: Float.self)
    #expect(zip(map.values, values).allSatisfy { abs($0 - $1) <= 2e-7 * abs($1) })
    #expect(map.values.count == 256)
    let (codes, scales) = map.encode(try expected("x"))
    #expect(scales.isEqual(to: try expected("scales")))
    #expect(codes.isEqual(to: try expected("codes")))
    let decoded = map.decode(codes, scales: scales), wanted = try expected("decoded")
    #expect(((decoded - wanted).abs() .<= (wanted.abs() * 4e-7 + 1e-30)).all().intItem() == 1)
  }

  /// Over the largest two decades the error is a few percent at most, on average one.
  @Test func codesAreNear() {
    let x = Tensor.arange(0.01, 1, 1e-4)
    for (map, worst, usual) in [(DynamicCodes.signed, 0.075, 0.015), (.unsigned, 0.04, 0.008)] {
      let (codes, scales) = map.encode(x)
      let error = (map.decode(codes, scales: scales) - x).abs() / x
      let top = error.max().item(), mean = error.mean().item()
      #expect(top < worst, "\(top), \(mean)")
      #expect(mean < usual, "\(top), \(mean)")
    }
  }
}

@Suite struct AdamW8Tests {
  private func random(_ shape: [Int], _ seed: UInt64, scale: Double = 1) -> Tensor {
    let generator = Generator(seed: seed)
    let spread = Tensor.randn(shape, generator: generator).abs().pow(6)
    return Tensor.randn(shape, generator: generator) * spread * scale
  }

  /// Every level, one thread and two, gives the twin's codes and scales bit for bit over steps that build on another,
  /// and its values but for the rounding of a square root.
  @Test(arguments: KernelLevel.allCases.filter { $0 != .plain && $0.isSupported }, [[64, 100], [4096], [3, 7001]])
  func kernelsEqualTheirTwin(level: KernelLevel, shape: [Int]) {
    let start = random(shape, 1)
    func run(_ level: KernelLevel) -> [Tensor] {
      let values = start.clone()
      let first = CodedMoment(like: values, .signed), second = CodedMoment(like: values, .unsigned)
      withKernels(level) {
        for count in 1...8 {
          let gradient = count == 4 ? values.zerosLike() : random(shape, UInt64(10 + count), scale: 0.01)
          adamW8_(
            values, gradient: gradient, first: first, second: second,
            AdamWStep(
              learningRate: 1e-3, weightDecay: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, count: count,
              gradientFactor: 0.7))
        }
      }
      return [values, first.codes, first.scales, second.codes, second.scales]
    }
    let expected = run(.plain)
    #expect(difference(expected[0], start) > 1e-3)
    let threads = Torch.threads
    defer { Torch.threads = threads }
    for count in [1, 2] {
      Torch.threads = count
      let found = run(level)
      #expect(found[0].isClose(to: expected[0], relative: 3e-7, absolute: 1e-9))
      #expect(found[0].isEqual(to: run(.baseline)[0]))
      for (a, b) in zip(found, expected).dropFirst() { #expect(a.isEqual(to: b)) }
    }
  }

  /// Every number that begins one of the table's cells, its neighbours, and every limit between two codes.
  @Test(arguments: KernelLevel.allCases.filter { $0 != .plain && $0.isSupported })
  func everyCellOfTheTableIsRight(level: KernelLevel) {
    var numbers: [Float] = (0..<0x3f80).flatMap { cell in
      let start = UInt32(cell) << 16
      return [start, start + 1, start + 0x7fff, start + 0xffff].map(Float.init(bitPattern:))
    }
    for values in [DynamicCodes.signed.values, DynamicCodes.unsigned.values] {
      for (a, b) in zip(values, values.dropFirst()) where a >= 0 {
        let middle = Float((Double(a) + Double(b)) / 2)
        numbers += [middle.nextDown, middle, middle.nextUp]
      }
    }
    // With betas 0 the moments are the gradient and its square; a 1 in every block is its scale.
    let blocks = stride(from: 0, to: numbers.count, by: 255).flatMap { start in
      let part = Array(numbers[start..<min(start + 255, numbers.count)])
      return [1] + part + [Float](repeating: 0, count: 255 - part.count)
    }
    for sign in [1.0, -1.0] {
      let gradient = Tensor(blocks) * sign, values = gradient.zerosLike()
      let first = CodedMoment(like: values, .signed), second = CodedMoment(like: values, .unsigned)
      withKernels(level) {
        adamW8_(
          values, gradient: gradient, first: first, second: second,
          AdamWStep(learningRate: 0, weightDecay: 0, betas: (0, 0), epsilon: 1, count: 1))
      }
      #expect(first.codes.isEqual(to: DynamicCodes.signed.encode(gradient).codes))
      #expect(second.codes.isEqual(to: DynamicCodes.unsigned.encode(gradient * gradient).codes))
    }
  }

  @Test func smallAndFloat64ParametersKeepFullMoments() {
    let shapes: [(String, [Int], DType)] = [
      ("big", [64, 64], .float32), ("small", [4095], .float32), ("exact", [64, 64], .float64),
      ("half", [100, 50], .bfloat16),
    ]
    let optimizer = AdamW(learningRate: 1, stateBits: .eight).makeOptimizer(
      for: shapes.map { OptimizedParameter(key: $0.0, tensor: .ones($0.1, dtype: $0.2), master: nil, group: nil) })
    let state = Dictionary(uniqueKeysWithValues: optimizer.state.map { ($0.name, $0.tensor) })
    #expect(
      Set(state.keys)
        == Set(
          ["steps", "coded.steps", "first.small", "second.small", "first.exact", "second.exact", "master.half"]
            + ["big", "half"].flatMap { key in
              ["first", "second"].flatMap { ["\($0).\(key)", "\($0).scales.\(key)"] }
            }))
    #expect(state["first.big"]?.dtype == .uint8)
    #expect(state["first.small"]?.dtype == .float32)
    #expect(state["first.exact"]?.dtype == .float64)
    #expect(state["first.half"]?.dtype == .uint8)
  }

  /// Two bytes for the codes and 2 · 4/256 for the scales.
  @Test func stateTakesTwoBytesAndAThirtySecondPerParameter() {
    let count = 1_000_000
    let optimizer = AdamW(learningRate: 1, stateBits: .eight).makeOptimizer(
      for: [OptimizedParameter(key: "p", tensor: .ones([count]), master: nil, group: nil)])
    let bytes = optimizer.state.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.size }
    #expect(abs(Double(bytes) / Double(count) - (2 + 1.0 / 32)) < 1e-4)
  }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama").path

  private func train(
    _ bits: AdamW.StateBits, dtype: DType? = nil, _ checkpoints: Checkpoints? = nil, stopAfter: Int = .max
  ) throws -> (model: Llama, losses: [Double]) {
    Torch.threads = 1
    // Wide enough that its matrices have more than 4,096 elements.
    let configuration = LlamaConfiguration(
      vocabularySize: 48, hiddenSize: 96, intermediateSize: 128, layers: 2, heads: 4, tiesEmbeddings: true)
    let model = Llama(configuration, generator: Generator(seed: 2))
    let options = TrainingOptions(length: .steps(150), schedule: Schedule(.cosine, warmUp: .steps(10)), dtype: dtype)
    let trainer = Trainer(
      model, try toyObjective(), AdamW(learningRate: 2e-3, weightDecay: 0.01, stateBits: bits), options: options)
    trainer.shouldStop = { trainer.progress.step >= stopAfter }
    return (model, try trainer.fit(toyBatches(seed: 3), checkpoints: checkpoints).losses)
  }

  /// The loss curve of a real architecture stays within 5 % of the 32-bit optimizer's, averaged over any ten steps
  /// while there is a loss to speak of, and the end is as good.
  @Test(arguments: [nil, DType.bfloat16]) func theLossCurveIsThatOf32Bits(dtype: DType?) throws {
    let full = try train(.thirtyTwo, dtype: dtype).losses, coded = try train(.eight, dtype: dtype).losses
    #expect(mean(full.suffix(10)) < 0.3 * full[0])
    #expect(full != coded)
    var worst = 0.0
    for start in stride(from: 0, to: 140, by: 10) {
      let (a, b) = (mean(full[start..<start + 10]), mean(coded[start..<start + 10]))
      worst = max(worst, abs(a - b) / full[0])
    }
    #expect(worst < 0.05, "\(worst) of the first loss; ends \(mean(full.suffix(10))), \(mean(coded.suffix(10)))")
  }

  @Test(arguments: [nil, DType.bfloat16]) func resumedEqualsUninterrupted(dtype: DType?) throws {
    let temporary = try TemporaryFolder()
    let whole = try train(.eight, dtype: dtype)
    _ = try train(.eight, dtype: dtype, Checkpoints(temporary.path), stopAfter: 33)
    let resumed = try train(.eight, dtype: dtype, Checkpoints(temporary.path))
    #expect(resumed.losses == whole.losses)
    #expect(weights(of: resumed.model) == weights(of: whole.model))
  }
}
