// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Testing
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// From images to codes, from codes to a trained model, from the model to images.
@Suite struct CodeRunTests {
  /// Three classes of 8 x 8 images, a tokenizer of 2 x 2 codes, and a generator's sizes. Deleted afterwards.
  private final class Studio {
    let folder = FileManager.default.temporaryDirectory.appending(path: "codes-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    init(yaml: String = Studio.yaml) throws {
      for (label, name) in ["bags", "coats", "shoes"].enumerated() {
        try makeFolders("\(folder)/pictures/\(name)")
        for index in 0..<4 {
          let bytes = (0..<64).map { UInt8(($0 * (label + 1) * 13 + index * 7) % 256) }
          try PixelImage(width: 8, height: 8, channels: 1, bytes: bytes)
            .writePNG(to: "\(folder)/pictures/\(name)/\(index).png")
        }
      }
      let sizes = VQConfiguration(
        imageChannels: 1, channels: 8, multipliers: [1, 1, 1], residualBlocks: 1, normGroups: 4, latentChannels: 8,
        codes: 16, codeWidth: 4)
      try VQModel(sizes, generator: Generator(seed: 1)).save(to: folder + "/vq")
      let generator = LlamaGenConfiguration(
        codes: 16, classes: 3, gridSide: 2, hiddenSize: 16, intermediateSize: 32, layers: 1, heads: 2, tokenDropout: 0,
        residualDropout: 0, feedForwardDropout: 0)
      try makeFolders(folder + "/model")
      try AtomicFile.write(generator.json.text().utf8, to: folder + "/model/config.json")
      try AtomicFile.write(yaml.utf8, to: folder + "/run.yaml")
    }

    func encode(_ crops: CodeExtraction.Crops = .init(side: nil)) throws {
      let images = try ClassifiedImages(folder + "/pictures")
      let extraction = try CodeExtraction(images, tokenizer: folder + "/vq", crops, batch: 4)
      try extraction.run(into: CodeFolderWriter(folder + "/codes", name: "tiny"))
    }

    func settings(_ overrides: [String] = []) throws -> RunSettings {
      try RunSettings(file: folder + "/run.yaml", overrides: ["output=\"\(folder)/run\""] + overrides)
    }

    static let yaml = """
      model: model
      data: { format: codes, train: codes, valid: codes, tokenizer: vq }
      metrics:
        - { name: codes, tokens: { codebook: { count: 16 } }, distance: meanSquared, temperature: { rowPerplexity: 4 } }
      objective: { preset: dist, alpha: 0.1 }
      train: { fromScratch: true, steps: 12, batch: 4, learningRate: 0.02, schedule: constant, betas: [0.9, 0.95],
               validateEvery: 6, checkpointEvery: 6, samples: 3 }
      """
  }

  /// Codes in the files are those the tokenizer gives, image by image; what is there is not made again.
  @Test func extractionKeepsWhatTheTokenizerSees() throws {
    let studio = try Studio()
    try studio.encode()
    let codes = try CodeFolder(studio.folder + "/codes"), tokenizer = try VQModel(folder: studio.folder + "/vq")
    #expect(codes.names == (0..<12).map(String.init))
    #expect(codes.crops == 1)
    #expect(codes.length == 4)
    for index in 0..<12 {
      let path = "\(studio.folder)/pictures/\(["bags", "coats", "shoes"][index / 4])/\(index % 4).png"
      let pixels = try Tensor(PixelImage(file: path).bytes, shape: [1, 1, 8, 8]).to(.float32) / 127.5 - 1
      let found = try codes.image(index, crop: 0)
      let wanted = try tokenizer.encode(pixels).codes.array(of: Int64.self).map(Int.init)
      #expect(found.class == index / 4)
      #expect(found.codes == wanted)
    }
    // A mark in a finished file survives, a missing one is made anew.
    try NumPyWriter.write(NumPySource(integers: [1, 2, 3, 4], shape: [1, 1, 4]), to: codes.codesPath(3))
    try FileManager.default.removeItem(atPath: codes.codesPath(5))
    try studio.encode()
    #expect(try codes.image(3, crop: 0).codes == [1, 2, 3, 4])
    #expect(try codes.image(5, crop: 0).codes.count == 4)
  }

  /// Ten crops and two ranges: twenty sequences, of which an epoch takes one.
  @Test func epochsSeeOtherCrops() throws {
    let studio = try Studio()
    try studio.encode(.init(side: 8, ranges: [1.5, 1.25]))
    let folder = try CodeFolder(studio.folder + "/codes")
    #expect(folder.crops == 20)
    let sizes = CodeDataset.Sizes(codes: 16, classes: 3, length: 4)
    let data = try CodeDataset(studio.folder + "/codes", sizes, metrics: 1, seed: 3)
    let all = try (0..<20).map { try folder.image(2, crop: $0).codes.map(Int32.init) }
    var seen = Set<[Int32]>()
    for epoch in 0..<40 {
      let example = try data.example(2, epoch: epoch)
      #expect(example.ids[0] == 16)
      #expect(all.contains(Array(example.ids.dropFirst())))
      #expect(try data.example(2, epoch: epoch) == example)
      seen.insert(example.ids)
    }
    #expect(seen.count > 1 || Set(all).count == 1)
    #expect(data.summary.tokens == 60 && data.summary.metrics[0].tokens == 48)
  }

  /// The run learns, draws images on the way, and goes on bit for bit where it stopped.
  @Test func aRunOverCodesTrainsDrawsAndGoesOn() throws {
    Torch.threads = 1
    let studio = try Studio()
    try studio.encode()
    let artifacts = try trainingArtifacts(studio.settings())
    #expect(artifacts is CodeRunArtifacts)
    var losses = [Double]()
    let run = TrainRun(artifacts, command: "dist2 train run.yaml", terminal: quiet)
    run.observe = { event in if case .step(let step) = event { losses.append(step.loss) } }
    let finish = try run.run()
    #expect(finish.step == 12)
    #expect(losses.count == 12)
    // A head of zeros: every code is as likely as any other, and each target has perplexity 4.
    let first = log(16.0) + 0.1 * (log(16.0) - log(4.0))
    #expect(abs(losses[0] - first) < 1e-3, "\(losses[0]), expected \(first)")
    #expect(losses[11] < losses[0] - 0.3)
    for step in [0, 6, 12] {
      let grid = try PixelImage(file: "\(studio.folder)/run/samples/step-\(step).png")
      #expect((grid.width, grid.height) == (3 * 64 + 4, 64))
    }
    let page = try String(contentsOfFile: run.folder.report, encoding: .utf8)
    #expect(page.contains("Images as training went on"))
    #expect(page.contains("data:image/png;base64"))

    let weights = try fileBytes("\(studio.folder)/run/checkpoints/step-12/model.safetensors")
    let half = try studio.settings(["output=\"\(studio.folder)/half\""])
    let stopped = TrainRun(try trainingArtifacts(half), command: "", terminal: quiet)
    var steps = 0
    stopped.observe = { event in if case .step(let step) = event { steps = step.step } }
    stopped.shouldStop = { steps == 6 }
    #expect(try stopped.run().reason == .stopped)
    _ = try TrainRun(try trainingArtifacts(half), command: "", terminal: quiet).run()
    #expect(try fileBytes("\(studio.folder)/half/checkpoints/step-12/model.safetensors") == weights)
  }

  /// A folder, an archive of it and a grid; an interrupted folder goes on, other settings are refused.
  @Test func drawnImagesDoNotDependOnInterruptions() throws {
    let studio = try Studio()
    try studio.encode()
    _ = try TrainRun(trainingArtifacts(studio.settings()), command: "", terminal: quiet).run()
    let drawing = try ImageDrawing(studio.folder + "/run"), out = studio.folder + "/drawn"
    let options = ImageSamplingOptions(sampling: Sampling(seed: 4), batch: 2)
    let classes: [Int?] = [0, 1, 2, 0, 1]
    try drawing.draw(classes, options, to: out + ".npz")
    let third = try fileBytes(out + "/000003.png")
    let archive = try NumPyArchive(out + ".npz").array("arr_0")
    #expect(archive.shape == [5, 8, 8, 3])
    #expect(archive.type == .u8)
    for index in [1, 3] { try FileManager.default.removeItem(atPath: "\(out)/00000\(index).png") }
    var other = options
    other.batch = 5
    try drawing.draw(classes, other, to: out)
    #expect(try fileBytes(out + "/000003.png") == third)
    other.guidance = 3
    #expect(throws: InputError.self) { try drawing.draw(classes, other, to: out) }
    try drawing.draw(classes, options, side: 16, to: out + ".png", columns: 3)
    #expect(try PixelImage(file: out + ".png").width == 3 * 16 + 4)
  }

  @Test func whatDoesNotFitIsSaidWithItsPlace() throws {
    let studio = try Studio()
    try studio.encode()
    func message(_ overrides: [String]) -> String {
      do {
        let artifacts = try trainingArtifacts(studio.settings(overrides))
        let data = try artifacts.examples("\(studio.folder)/codes", limit: nil) { _, _ in }
        for index in 0..<data.count { _ = try data.example(index) }
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(message([]) == "nothing")
    #expect(message(["metrics.0.tokens={ codebook: { count: 8 } }"]).contains("one metric of all 16 codes"))
    #expect(message(["data.tokenizer=nowhere"]).contains("nowhere"))
    #expect(message(["objective.preset=bradleyTerry"]).contains("objective.preset"))
    let codes = try CodeFolder(studio.folder + "/codes")
    try NumPyWriter.write(NumPySource(integers: [0, 16, 1, 2], shape: [1, 1, 4]), to: codes.codesPath(7))
    let bad = message([])
    #expect(bad.contains("7.npy"))
    #expect(bad.contains("code 1"))
    #expect(bad.contains("0 ... 15"))
    #expect(bad.contains("16"))
    try NumPyWriter.write(NumPySource(integers: [0, 1], shape: [1, 1, 2]), to: codes.codesPath(7))
    #expect(message([]).contains("1 of 2"))
    try AtomicFile.write([1, 2, 3], to: codes.codesPath(7))
    #expect(message([]).contains("7.npy"))
    try FileManager.default.removeItem(atPath: codes.labelPath(2))
    #expect(message([]).contains("no 2.npy"))
    #expect(throws: InputError.self) { try RunArtifacts(studio.settings()) }
    #expect(throws: InputError.self) { try ClassifiedImages(studio.folder + "/codes/tiny_codes/0.npy") }
    #expect(throws: InputError.self) { try ClassifiedImages(studio.folder + "/codes") }
  }

  /// The run files of `Configs/images/` say what the paper says, and differ in what they should.
  @Test(arguments: ["b", "l"]) func shippedRunFilesAreRead(size: String) throws {
    for variant in ["sft", "dist"] {
      let path = "\(configsFolder)/images/llamagen-\(size)-\(variant).yaml"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.contains("dist2 train Configs/images/llamagen-\(size)-\(variant).yaml"))
      let settings = try RunSettings(file: path)
      #expect(settings.data.areCodes)
      #expect(settings.train.fromScratch)
      #expect(settings.train.batch == 256)
      #expect(settings.metrics.count == (variant == "dist" ? 1 : 0))
      let model = try describeModel(folder: settings.model)
      let published = LlamaGenConfiguration.published(size == "b" ? .b : .l, imageSide: 384)
      #expect((model as? LlamaGen)?.configuration == published)
    }
  }
}
