// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Values and gradients against the twin in PyTorch; see `Tests/Fixtures/images/make.py`.
@Suite struct VQTests {
  @Test(arguments: ImageFixture.tokenizers) func codesAndImagesEqualTheTwin(fixture: ImageFixture) throws {
    let model = try VQModel(folder: fixture.path)
    let (codes, latents) = try model.encode(fixture.expected("images"))
    #expect(difference(latents, try fixture.expected("latents")) < 1e-5)
    #expect(codes.dtype == .int64)
    #expect(codes.isEqual(to: try fixture.expected("codes")))
    #expect(difference(model.codeBook, try fixture.expected("book")) < 1e-6)
    for ids in [codes, codes.to(.int32)] {
      let decoded = try model.decode(ids)
      #expect(difference(decoded, try fixture.expected("decoded")) < 2e-5)
    }
  }

  @Test(arguments: ImageFixture.tokenizers) func gradientsPassStraightThroughTheBook(fixture: ImageFixture) throws {
    let model = try VQModel(folder: fixture.path), images = try fixture.expected("images")
    model.unfreeze()
    let pass = model(images)
    #expect(difference(pass.reconstruction, try fixture.expected("reconstruction")) < 2e-5)
    #expect(pass.codes.isEqual(to: try fixture.expected("codes")))
    let pull = (pass.quantized - pass.latents).square().sum()
    ((pass.reconstruction - images).square().sum() + pull).backward()
    var compared = 0
    let expected = try SafetensorsFile(fixture.path + "/expected.safetensors")
    for parameter in model.parameters() where expected["grad." + parameter.key] != nil {
      let gradient = try #require(parameter.tensor.grad, "\(parameter.key) has no gradient")
      let wanted = try fixture.expected("grad." + parameter.key)
      #expect(difference(gradient, wanted) < 1e-5 * max(1, wanted.abs().max().item()), "\(parameter.key)")
      compared += 1
    }
    #expect(compared == 10)
  }

  /// More vectors than a chunk holds, ties and distances against a table of all of them.
  @Test(arguments: [true, false]) func nearestIsFoundInChunks(isNormalised: Bool) throws {
    let configuration = VQConfiguration(
      channels: 4, multipliers: [1], residualBlocks: 1, normGroups: 2, latentChannels: 4, codes: 5000, codeWidth: 3,
      isNormalised: isNormalised)
    let model = VQModel(configuration, generator: Generator(seed: 1))
    let quantizer = model.quantizer
    noGrad {
      quantizer.embedding.weight.normal_(generator: Generator(seed: 2))
      quantizer.embedding.weight.select(0, 77).copy_(quantizer.embedding.weight.select(0, 12))
    }
    let vectors = quantizer.prepared(.randn([2000, 3], generator: Generator(seed: 3)))
    let found = quantizer.nearest(vectors)
    let distances = vectors.to(.float64).cdist(model.codeBook.to(.float64))
    let reached = distances.gather(1, found.unsqueeze(-1)).squeeze(-1)
    #expect((reached - distances.min(1)).max().item() < 1e-6)
    #expect(quantizer.nearest(model.codeBook.narrow(0, 77, 1)).intItem() == 12)
    #expect(quantizer.nearest(model.codeBook.narrow(0, 100, 40)).isEqual(to: .arange(100, 140, dtype: .int64)))
  }

  @Test func vq16HasThePublishedNames() throws {
    let model = VQModel(.vq16)
    let shapes = Dictionary(uniqueKeysWithValues: model.parameters().map { ($0.key, $0.tensor.shape) })
    #expect(shapes == (try ImageFixture.published("VQ-16")))
    #expect(model.configuration.downsampling == 16)
  }

  @Test func smallImagesAreTheSameClass() throws {
    let configuration = VQConfiguration(
      imageChannels: 1, channels: 32, multipliers: [1, 2, 2], residualBlocks: 1, normGroups: 8, latentChannels: 32,
      codes: 512)
    let model = VQModel(configuration, generator: Generator(seed: 1))
    let codes = try model.encode(.zeros([2, 1, 28, 28])).codes
    #expect(codes.shape == [2, 7, 7])
    #expect(try model.decode(codes).shape == [2, 1, 28, 28])
  }

  @Test(arguments: ImageFixture.tokenizers) func whatIsWrittenIsRead(fixture: ImageFixture) throws {
    let temporary = try TemporaryFolder(), model = try VQModel(folder: fixture.path)
    try model.save(to: temporary.path + "/vq")
    let read = try VQModel(folder: temporary.path + "/vq")
    #expect(read.configuration == model.configuration)
    #expect(model.parameters().count == read.parameters().count)
    for (a, b) in zip(read.parameters(), model.parameters()) {
      #expect(a.key == b.key)
      #expect(a.tensor.isEqual(to: b.tensor))
    }
    #expect(throws: InputError.self) { try model.save(to: temporary.path + "/vq") }
    try model.save(to: temporary.path + "/vq", replacing: true)
  }

  @Test func imagesAndCodesThatCannotBeMeantAreRefused() throws {
    let model = try VQModel(folder: ImageFixture.tokenizers[0].path)
    func refusal(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "accepted"
      } catch { return (error as? InputError)?.description ?? "\(error)" }
    }
    let channels = refusal { _ = try model.encode(.zeros([1, 3, 8, 8])) }
    #expect(channels.contains("1 channels"))
    #expect(channels.contains("[1, 3, 8, 8]"))
    #expect(refusal { _ = try model.encode(.zeros([1, 1, 8, 9])) }.contains("sides that 2 divides"))
    #expect(refusal { _ = try model.encode(.zeros([1, 8, 8])) }.contains("[B, C, H, W]"))
    #expect(refusal { _ = try model.encode(.zeros([0, 1, 8, 8])) }.contains("[B, C, H, W]"))
    #expect(refusal { _ = try model.encode(.zeros([1, 1, 8, 8], dtype: .uint8)) }.contains("uint8"))
    #expect(refusal { _ = try model.encode(.full([1, 1, 8, 8], .nan)) }.contains("pixels"))
    #expect(
      refusal { _ = try model.decode(Tensor([0, 32] as [Int64], shape: [1, 1, 2])) }.contains("0 ... 31, found 32"))
    #expect(refusal { _ = try model.decode(Tensor([0, -1] as [Int64], shape: [1, 1, 2])) }.contains("found -1"))
    #expect(refusal { _ = try model.decode(.zeros([1, 1, 2])) }.contains("whole numbers"))
  }

  @Test func aBookWithNaNIsRefused() throws {
    let temporary = try TemporaryFolder(), model = try VQModel(folder: ImageFixture.tokenizers[0].path)
    noGrad { model.quantizer.embedding.weight.select(0, 3).fill_(.nan) }
    try model.save(to: temporary.path + "/vq")
    let error = #expect(throws: InputError.self) { _ = try VQModel(folder: temporary.path + "/vq") }
    #expect(error?.place == "tensor quantize.embedding.weight")
    #expect(error?.found == "4 of 128 that are NaN or infinite")
  }

  @Test(arguments: [
    (#""ch_mult": []"#, "ch_mult"), (#""norm_groups": 3"#, "norm_groups"), (#""ch": 0"#, "ch"),
    (#""ch_mult": [1, "x"]"#, "ch_mult[1]"), (#""model_type": "vae""#, "model_type"),
    (#""codebook_l2_norm": 1"#, "codebook_l2_norm"),
  ])
  func configurationsThatCannotBeMeantAreRefused(text: String, key: String) throws {
    let json = try JSON(parsing: Array("{\(text)}".utf8), path: "c")
    let error = #expect(throws: InputError.self) {
      _ = try VQConfiguration(JSONReader(json, path: "config.json"))
    }
    #expect(error?.place == "key \(key)")
  }

  /// The converter's own checks, on these fixtures.
  @Test(.enabled(if: LoRATests.python != nil, "DIST2_PYTHON names no Python with torch"))
  func checkpointsAreConverted() throws {
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: try #require(LoRATests.python))
    process.arguments = ["-B", ImageFixture.folder + "/check_convert.py"]
    (process.standardOutput, process.standardError) = (output, output)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    #expect(text.contains("conversions as expected"), "\(text)")
  }
}
