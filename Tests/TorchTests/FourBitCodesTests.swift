// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import Torch

/// NF4 codes against bitsandbytes, and products with them against the matrices they stand for.
@Suite struct FourBitCodesTests {
  /// Tests/Fixtures/nf4/make.py
  static func expected(_ name: String) throws -> Tensor {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/nf4/expected.safetensors").path
    return try Tensor(#require(SafetensorsFile(path)[name], "no \(name)"), copying: true)
  }
  static let names = ["plain", "partial", "large"]

  @Test(arguments: names) func codesAndNumbersEqualBitsandbytes(name: String) throws {
    let weight = try Self.expected(name + ".weight")
    for matrix in [weight, weight.to(.float32)] {
      let codes = FourBitCodes(matrix)
      #expect(codes.bytes.isEqual(to: try Self.expected(name + ".codes")))
      #expect(codes.scales.isEqual(to: try Self.expected(name + ".scales")))
      #expect(codes.decode(.bfloat16).isEqual(to: try Self.expected(name + ".half")))
      if name != "large" { #expect(codes.decode().isEqual(to: try Self.expected(name + ".dense"))) }
      #expect(codes.decode(.float64).isEqual(to: codes.decode().to(.float64)))
      withKernels(.plain) {
        #expect(codes.decode().isEqual(to: withKernels(.baseline) { codes.decode() }))
      }
    }
  }

  /// Scales in 8 bits.
  @Test(arguments: names) func nestedScalesEqualBitsandbytes(name: String) throws {
    let weight = try Self.expected(name + ".weight").to(.float32), codes = FourBitCodes(weight, nestsScales: true)
    let nested = try #require(codes.nested)
    #expect(nested.narrow(0, 0, 256).isClose(to: try Self.expected("table"), relative: 1e-6))
    #expect(nested.narrow(0, 256, 1).isClose(to: try Self.expected(name + ".nested.offset"), relative: 1e-6))
    let groups = try Self.expected(name + ".nested.scales")
    #expect(nested.narrow(0, 257, groups.count).isClose(to: groups, relative: 1e-6))
    #expect(codes.scales.isEqual(to: try Self.expected(name + ".nested.codes")))
    let half = try Self.expected(name + ".nested.half")
    #expect(relativeError(codes.decode(), half) < 0.004)
    withKernels(.plain) {
      #expect(codes.decode().isEqual(to: withKernels(.baseline) { codes.decode() }))
    }
  }

  /// Values and gradients of a product, with a bias and without, contiguous or not.
  @Test(arguments: [false, true], [DType.float32, .float64, .bfloat16])
  func productsAreThoseOfTheMatrix(nestsScales: Bool, dtype: DType) {
    let codes = FourBitCodes(samples(80, 48, seed: 1), nestsScales: nestsScales), weight = codes.decode(dtype)
    let x = samples(2, 7, 48, seed: 2).to(dtype), bias = samples(80, seed: 3).to(dtype)
    let upstream = samples(2, 7, 80, seed: 4).to(dtype)
    let turned = x.transpose(0, 1)
    for input in [x, turned] {
      let seed = input.shape == x.shape ? upstream : upstream.transpose(0, 1)
      let ours = Derived([input, bias], upstream: [seed]) { [codes.linear($0[0], $0[1])] }
      let plain = Derived([input, bias], upstream: [seed]) { [$0[0].linear(weight, $0[1])] }
      #expect(ours.error(from: plain) < (dtype == .bfloat16 ? 1e-2 : 1e-6))
    }
    #expect(relativeError(codes.linear(x), x.linear(weight)) < 1e-6)
    #expect(!noGrad { codes.linear(x) }.requiresGrad)
  }

  /// The gradient of the input is that of the matrix, whatever the slopes' own slopes.
  @Test func gradientsAreTheSlopes() {
    let codes = FourBitCodes(samples(6, 5, seed: 1))
    let x = Tensor.randn([3, 5], dtype: .float64, generator: Generator(seed: 2))
    #expect(checkGradients(of: { codes.linear($0[0]).square().sum() }, at: [x]).isEmpty)
  }

  @Test func whatDoesNotFitIsAnError() {
    let codes = FourBitCodes(samples(64, 32, seed: 1))
    let wrong = FourBitCodes(bytes: codes.bytes, scales: codes.scales.narrow(0, 0, 3), nested: nil, shape: [64, 32])
    #expect(throws: TorchError.self) { try withTorchErrors { _ = wrong.decode() } }
    let short = FourBitCodes(bytes: codes.bytes.narrow(0, 0, 9), scales: codes.scales, nested: nil, shape: [64, 32])
    #expect(throws: TorchError.self) { try withTorchErrors { _ = short.linear(samples(2, 32, seed: 3)) } }
  }

  @Test func memoryIsHalfAByteAndScales() {
    for nestsScales in [false, true] {
      let codes = FourBitCodes(samples(512, 1024, seed: 1), nestsScales: nestsScales)
      let tensors = [codes.bytes, codes.scales] + [codes.nested].compactMap { $0 }
      let bytes = tensors.reduce(0) { $0 + $1.count * $1.dtype.size }
      #expect(Double(bytes) / (512 * 1024) <= (nestsScales ? 0.519 : 0.5625))
    }
  }
}
