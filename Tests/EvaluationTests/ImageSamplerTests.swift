// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Testing
import TokenModels
import Torch
import TorchNN

@Suite struct ImageSamplerTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/images/gpt").path

  private func sampler() throws -> ImageSampler { ImageSampler(try LlamaGen(folder: Self.folder)) }

  /// Against a loop in Python that knows no cache.
  @Test func guidedGreedyCodesEqualTheTwin() throws {
    let file = try SafetensorsFile(Self.folder + "/expected.safetensors")
    let stored = try #require(file["greedy"])
    let expected = try Tensor(stored, copying: true).array(of: Int32.self)
    for batch in [5, 2] {
      let options = ImageSamplingOptions(guidance: 2, sampling: .greedy, batch: batch)
      #expect(try sampler().sample([0, 1, 2, 3, 4], options).flatMap { $0 } == expected)
    }
  }

  /// Without guidance it is what the general generator draws.
  @Test func withoutGuidanceItIsPlainSampling() throws {
    let sampler = try sampler(), sampling = Sampling(temperature: 0.8, topK: 9, topP: 0.9, seed: 7)
    let codes = try sampler.sample([3, 0], ImageSamplingOptions(guidance: 1, sampling: sampling), streams: [5, 6])
    let generated = try TokenGenerator(sampler.model).generate(
      [[sampler.model.token(ofClass: 3)], [sampler.model.token(ofClass: 0)]],
      GenerationOptions(maxNewTokens: 16, sampling: sampling), streams: [5, 6])
    #expect(codes == generated.map(\.ids))
    #expect(codes.allSatisfy { $0.count == 16 })
  }

  /// The scale matters: 0 is the null class, 1 the class, whatever goes through the same path.
  @Test func guidanceGoesFromNoClassToTheClass() throws {
    let sampler = try sampler()
    func codes(_ classes: [Int?], _ guidance: Double) throws -> [[Int32]] {
      try sampler.sample(classes, ImageSamplingOptions(guidance: guidance, sampling: .greedy))
    }
    #expect(try codes([2], 0) == codes([nil], 1))
    #expect(try codes([nil], 3) == codes([nil], 1))
    #expect(try codes([2], 1.000001) == codes([2], 1))
    #expect(try codes([2], 2) != codes([2], 1))
  }

  @Test func anImageDependsOnItsStreamAlone() throws {
    let sampler = try sampler()
    func options(_ batch: Int, seed: UInt64 = 3) -> ImageSamplingOptions {
      ImageSamplingOptions(sampling: Sampling(topK: 20, seed: seed), batch: batch)
    }
    let together = try sampler.sample([0, 1, 2, 3, 4, 0, 1], options(7))
    #expect(try sampler.sample([0, 1, 2, 3, 4, 0, 1], options(3)) == together)
    #expect(try sampler.sample([2], options(1), streams: [2]) == [together[2]])
    #expect(together[0] != together[5])  // one class, two streams
    #expect(try sampler.sample([0, 1, 2, 3, 4, 0, 1], options(7, seed: 4)) != together)
  }

  @Test func batchesComeInOrder() throws {
    var ranges = [Range<Int>](), shapes = [[Int]]()
    try sampler().sample([0, 1, 2, 3, 4], ImageSamplingOptions(sampling: .greedy, batch: 2)) { images, codes in
      ranges.append(images)
      shapes.append(codes.shape)
    }
    #expect(ranges == [0..<2, 2..<4, 4..<5])
    #expect(shapes == [[2, 16], [2, 16], [1, 16]])
  }

  @Test func whatCannotBeMeantIsRefused() throws {
    let sampler = try sampler()
    for (classes, options) in [
      ([5], ImageSamplingOptions()), ([-1], ImageSamplingOptions()), ([0], ImageSamplingOptions(guidance: .nan)),
      ([0], ImageSamplingOptions(batch: 0)), ([0], ImageSamplingOptions(sampling: Sampling(topP: 2))),
    ] as [([Int?], ImageSamplingOptions)] {
      #expect(throws: DecodingError.self) { _ = try sampler.sample(classes, options) }
    }
    noGrad { sampler.model.head.weight.select(0, 7).fill_(.nan) }
    #expect(throws: DecodingError.notFinite(index: 0, step: 0)) { _ = try sampler.sample([1]) }
  }
}
