// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Training on drawn shapes: gray bars and blobs of 16 x 16, of many brightnesses and places.
@Suite struct VQTrainingTests {
  private static let configuration = VQConfiguration(
    imageChannels: 1, channels: 8, multipliers: [1, 2, 2], residualBlocks: 1, normGroups: 4, latentChannels: 16,
    codes: 32, codeWidth: 4)

  private func images(_ count: Int, seed: UInt64) -> Tensor {
    let generator = Generator(seed: seed)
    let centre = Tensor.rand([count, 2, 1, 1], generator: generator) * 16
    let size = Tensor.rand([count, 2, 1, 1], generator: generator) * 5 + 1.5
    let light = Tensor.rand([count, 1, 1, 1], generator: generator) * 195 + 60
    let place = Tensor.arange(0, 16)
    let x = ((place.view([1, 1, 1, 16]) - centre.narrow(1, 0, 1)) / size.narrow(1, 0, 1)).square()
    let y = ((place.view([1, 1, 16, 1]) - centre.narrow(1, 1, 1)) / size.narrow(1, 1, 1)).square()
    return (light * (-(x + y)).exp()).to(.uint8)
  }

  private func model(seed: UInt64 = 1) -> VQModel {
    Torch.threads = 1  // of this test's thread: what is this small gains nothing by more
    return VQModel(Self.configuration, generator: Generator(seed: seed))
  }

  private static let rules: [CodeBookRule] = [.movingAverage(decay: 0.9), .gradient()]

  @Test(arguments: 0..<2) func reconstructionGetsBetterAndCodesStayAlive(rule: Int) throws {
    let images = images(192, seed: 1), others = self.images(64, seed: 2)
    let options = VQTrainingOptions(
      epochs: 16, batch: 16, learningRate: 3e-3, codeBook: Self.rules[rule], restart: CodeRestart(steps: 12))
    let trainer = VQTrainer(model(), options)
    let before = try trainer.evaluate(others)
    var steps = 0, started = false
    let epochs = try trainer.fit(images, validation: others) { event in
      switch event {
      case .training(.started(let start)): started = start.step == 0 && start.stepsPerEpoch == 12
      case .training(.step(let metrics)):
        steps += 1
        #expect(metrics.step == steps)
        #expect(metrics.loss.isFinite)
      case .training: break
      case .epoch(let metrics): #expect(metrics.epoch == steps / 12)
      }
    }
    #expect(started)
    #expect(steps == 192)
    #expect(epochs.count == 16)
    let last = try #require(epochs.last), after = try #require(last.validation)
    // The images' own variance is what the best constant would leave.
    let pixels = ImagePixels.normalised(others), variance = (pixels - pixels.mean()).square().mean().item()
    #expect(after.reconstruction < 0.35 * variance)
    #expect(after.reconstruction < before.reconstruction / 3)
    #expect(last.losses.reconstruction < epochs[0].losses.reconstruction / 2)
    #expect(last.usage.share > 0.6, "\(last.usage)")
    #expect(last.usage.perplexity > 8, "\(last.usage)")
    #expect(try trainer.evaluate(others) == after)
  }

  /// Nothing but the restart revives codes that stand far from all latents.
  @Test func deadCodesAreRestarted() throws {
    Torch.threads = 1
    func lastUsage(_ restart: CodeRestart?) throws -> (share: Double, restarted: Int) {
      var configuration = Self.configuration
      configuration.isNormalised = false
      let model = VQModel(configuration, generator: Generator(seed: 1))
      noGrad {
        model.quantizer.embedding.weight.fill_(100)
        model.quantizer.embedding.weight.select(0, 0).zero_()
      }
      let options = VQTrainingOptions(
        epochs: 2, batch: 16, learningRate: 1e-4, startsFromLatents: false, restart: restart)
      let epochs = try VQTrainer(model, options).fit(images(96, seed: 1))
      return (epochs[1].usage.share, epochs.reduce(0) { $0 + $1.restarted })
    }
    let without = try lastUsage(nil), with = try lastUsage(CodeRestart(steps: 3))
    #expect(without.share == 1.0 / 32)
    #expect(without.restarted == 0)
    #expect(with.share > 0.4)
    #expect(with.restarted >= 30)
  }

  /// A moving average of decay 0 is the mean of the latents that chose a code.
  @Test func movingAveragesAreMeans() throws {
    let model = model(), images = images(8, seed: 3)
    let options = VQTrainingOptions(
      epochs: 1, batch: 8, learningRate: 1e-12, codeBook: .movingAverage(decay: 0), startsFromLatents: false,
      restart: nil)
    noGrad { _ = model.quantizer.embedding.weight.normal_(generator: Generator(seed: 4)) }
    let before = model.quantizer.embedding.weight.clone()
    let (codes, latents) = try model.encode(ImagePixels.normalised(images))
    _ = try VQTrainer(model, options).fit(images)
    let flat = latents.flatten(0, 2), chosen = codes.flatten().array(of: Int64.self)
    for code in 0..<32 {
      let rows = chosen.indices.filter { chosen[$0] == Int64(code) }.map(Int64.init)
      let expected = rows.isEmpty ? before.select(0, code) : flat.indexSelect(0, Tensor(rows)).mean(0)
      let found = model.quantizer.embedding.weight.select(0, code)
      #expect((found - expected).abs().max().item() < 1e-5)
    }
  }

  @Test func featuresTakePart() throws {
    let model = model()
    let options = VQTrainingOptions(epochs: 1, batch: 8, commitment: 0, perceptual: 3)
    let trainer = VQTrainer(model, options) { images in [images.mean(2, 3)] }
    let found = try #require(trainer.fit(images(8, seed: 1)).first).losses
    #expect(found.perceptual > 0)
    #expect(abs(found.total - found.reconstruction - 3 * found.perceptual) < 1e-6)
  }

  /// Three epochs in one go, and in two.
  @Test(arguments: 0..<2) func aResumedRunEqualsAnUninterruptedOne(rule: Int) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "vq-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let images = images(40, seed: 1)
    let options = VQTrainingOptions(
      epochs: 3, batch: 16, codeBook: Self.rules[rule], restart: CodeRestart(steps: 2, uses: 3), seed: 5)
    let whole = model()
    let epochs = try VQTrainer(whole, options).fit(images)

    let first = VQTrainer(model(), options)
    var isOver = false
    first.shouldStop = { isOver }
    try first.fit(images, checkpoints: folder) { event in
      if case .epoch = event { isOver = true }
    }
    let second = VQTrainer(model(seed: 9), options)
    let rest = try second.fit(images, checkpoints: folder)
    #expect(rest.map(\.losses) == epochs.dropFirst().map(\.losses))
    #expect(rest.map(\.usage) == epochs.dropFirst().map(\.usage))
    for (a, b) in zip(second.model.parameters(), whole.parameters()) { #expect(a.tensor.isEqual(to: b.tensor)) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["step-9"])
    #expect(try VQModel(folder: folder + "/step-9").codeBook.isEqual(to: whole.codeBook))

    var others = options
    others.commitment = 0.5
    let stranger = VQTrainer(model(), others)
    #expect(throws: InputError.self) { try stranger.fit(images, checkpoints: folder) }
  }

  /// Stopped in the middle of an epoch, the run has its checkpoint there and goes on to the same epochs.
  @Test func anInterruptedEpochGoesOn() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "vq-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let images = images(40, seed: 1), others = self.images(16, seed: 2)
    let options = VQTrainingOptions(epochs: 2, batch: 16, restart: CodeRestart(steps: 2, uses: 3), seed: 5)
    let whole = model(), epochs = try VQTrainer(whole, options).fit(images, validation: others)
    for (stop, seed) in [(2, 1), (4, 7)] {
      let first = VQTrainer(model(seed: UInt64(seed)), options)
      var done = 0
      first.shouldStop = { done >= stop }
      try first.fit(images, validation: others, checkpoints: folder) { event in
        if case .training(.step(let metrics)) = event { done = metrics.step }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["step-\(stop)"])
    }
    let last = VQTrainer(model(seed: 9), options)
    let rest = try last.fit(images, validation: others, checkpoints: folder)
    #expect(rest.map(\.losses) == [epochs[1].losses])
    #expect(rest.map(\.usage) == [epochs[1].usage])
    #expect(rest.map(\.validation) == [epochs[1].validation])
    for (a, b) in zip(last.model.parameters(), whole.parameters()) { #expect(a.tensor.isEqual(to: b.tensor)) }
  }

  /// A NaN among the pixels of a later step is found, and named with its image.
  @Test func aBadImageIsNamed() throws {
    let images = ImagePixels.normalised(images(40, seed: 1)),
      order = BatchPlan(count: 40, batch: 16, seed: 5).order(ofEpoch: 0)
    images.select(0, order[20]).fill_(.nan)
    let trainer = VQTrainer(model(), VQTrainingOptions(epochs: 1, batch: 16, seed: 5))
    var before = [Tensor]()
    let error = #expect(throws: TrainingError.self) {
      try trainer.fit(images) { event in
        if case .training(.step) = event { before = trainer.model.parameters().map { $0.tensor.detach().clone() } }
      }
    }
    guard case .nonFinite(let found)? = error else { throw CancellationError() }
    #expect(found.step == 2)
    #expect(found.examples == ["image \(order[20])"])
    #expect(found.lossTerms.contains("reconstruction"))
    for (a, b) in zip(trainer.model.parameters(), before) { #expect(a.tensor.isEqual(to: b)) }
  }

  @Test func badImagesAreRefusedAndTheModelLeftAlone() throws {
    let model = model(), trainer = VQTrainer(model, VQTrainingOptions(epochs: 1))
    #expect(throws: InputError.self) { try trainer.fit(.zeros([4, 3, 16, 16], dtype: .uint8)) }
    #expect(throws: InputError.self) { try trainer.fit(.zeros([4, 1, 15, 16], dtype: .uint8)) }
    #expect(throws: InputError.self) { try trainer.fit(.zeros([0, 1, 16, 16], dtype: .uint8)) }
    let before = model.parameters().map { $0.tensor.detach().clone() }
    let broken = Tensor.zeros([4, 1, 16, 16])
    broken.select(0, 2).fill_(.nan)
    #expect(throws: (any Error).self) { try trainer.fit(broken) }
    for (a, b) in zip(model.parameters(), before) { #expect(a.tensor.isEqual(to: b)) }
  }

  @Test func usageIsCounted() {
    let even = CodeUsage(counts: [3, 3, 3, 3]), one = CodeUsage(counts: [0, 7, 0, 0])
    #expect(abs(even.perplexity - 4) < 1e-12)
    #expect(even.share == 1)
    #expect(one.perplexity == 1)
    #expect(one.share == 0.25)
    #expect(CodeUsage(counts: [0, 0]).perplexity == 0)
  }

  @Test func pixelsComeBack() {
    let pixels = Tensor.arange(0, 256, dtype: .int64).to(.uint8)
    let found = ImagePixels.bytes(ImagePixels.normalised(pixels))
    #expect((found.to(.float32) - pixels.to(.float32)).abs().max().item() <= 1)
    #expect(ImagePixels.bytes(Tensor([-2, -1, 0, 1, 3] as [Float])).array(of: UInt8.self) == [0, 0, 128, 255, 255])
  }
}
