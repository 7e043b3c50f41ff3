// SPDX-License-Identifier: Apache-2.0
import Evaluation
import MetricTokens
import Testing
import TokenModels
import Torch
import TorchNN

/// Generation, scores and images on the stand-in equal those of the CPU; a token costs one read.
@Suite(onGPU) struct DecodingTests {
  private let prompts: [[Int32]] = [[1, 5, 9], [1, 7], [3, 4, 5, 6, 7, 8]]

  @Test(arguments: ["llama/gqa-llama3", "decoders/gpt2", "decoders/gemma3", "decoders/mistral-window"], [0, 0.8])
  func generation(path: String, temperature: Double) throws {
    let options = GenerationOptions(
      maxNewTokens: 9, sampling: Sampling(temperature: temperature, topP: temperature > 0 ? 0.9 : nil, seed: 3),
      logProbabilities: true)
    let here = try TokenGenerator(loaded(path, .cpu)).generate(prompts, options)
    let model = try loaded(path, .cuda())
    Torch.forgetWaits()
    let there = try TokenGenerator(model).generate(prompts, options)
    expectWaits(["read": 9])
    #expect(there.map(\.ids) == here.map(\.ids))
    for (a, b) in zip(there, here) {
      let pairs = zip(a.logProbabilities ?? [], b.logProbabilities ?? [])
      #expect(pairs.allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }

  @Test func constrainedTokens() throws {
    let space = try TokenSpace(name: "digits", unit: .digit, ids: Array(2..<12), values: (0..<10).map(Double.init))
    func answers(_ device: Device) throws -> [[Int32]] {
      let model = try loaded("llama/gqa-llama3", device)
      return try TokenGenerator(model).generate(
        prompts, GenerationOptions(maxNewTokens: 4), hook: Constrained.to(space)
      ).map(\.ids)
    }
    let there = try answers(.cuda())
    #expect(there == (try answers(.cpu)))
    #expect(there.allSatisfy { $0.allSatisfy { (2..<12).contains($0) } })
  }

  @Test func likelihoods() throws {
    let items = prompts.map { Continuation(prompt: $0, ids: [4, 9]) }
    func logs(_ device: Device) throws -> [[Double]] {
      try Scorer(loaded("llama/gqa-llama3", device)).logLikelihoods(of: items)
    }
    let here = try logs(.cpu), model = try loaded("llama/gqa-llama3", .cuda())
    Torch.forgetWaits()
    let there = try Scorer(model).logLikelihoods(of: items)
    expectWaits(["read": Torch.waits["read"] ?? 0])
    #expect(Torch.waits["read"] ?? 0 <= prompts.count)
    for (a, b) in zip(there.joined(), here.joined()) { #expect(abs(a - b) < 1e-5) }
  }

  @Test func scoresOfClassifiers() throws {
    func scores(_ device: Device) throws -> [[Double]] {
      try Scorer(loaded("classifier/three", device)).scores(of: prompts)
    }
    for (a, b) in zip(try scores(.cuda()).joined(), try scores(.cpu).joined()) { #expect(abs(a - b) < 1e-5) }
  }

  /// Nothing is read until the images are whole.
  @Test func images() throws {
    func draw(_ device: Device) throws -> [[Int32]] {
      let model = try #require(try loaded("images/gpt", device) as? LlamaGen)
      Torch.forgetWaits()
      return try ImageSampler(model).sample([1, 3, nil], ImageSamplingOptions(sampling: Sampling(topK: 10, seed: 2)))
    }
    let here = try draw(.cpu), there = try draw(.cuda())
    expectWaits(["read": 2])  // whether all was finite, and the codes
    #expect(there == here)
  }
}
