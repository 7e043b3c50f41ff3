// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Recipes
import Reports
import Testing
import TokenData
import TokenModels
import Torch
import TorchNN

private let hasFashion = fileExists(FashionMNIST.defaultFolder)
private let withoutFashion: Comment = "Fashion-MNIST is not installed (dataset-fashion-mnist)"

@Suite struct ImageMetricsRunTests {
  /// Two sets of noise, one of them written as a folder, through a network that nobody trained.
  @Test func comparesFoldersAndArchives() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try makeFolders(folder + "/fake")
    let images = { (seed: UInt64, high: Int) in
      Tensor.randint(0, high, [24, 28, 28, 1], generator: Generator(seed: seed)).to(.uint8).array(of: UInt8.self)
    }
    let (real, fake) = (images(1, 256), images(2, 100))
    try NumPyWriter.writeArchive(
      [
        .images(count: 24, height: 28, width: 28, channels: 1) {
          ImageBatch(count: 24, height: 28, width: 28, channels: 1, bytes: real)
        }
      ],
      to: folder + "/real.npz")
    try NumberedImages(folder + "/fake").add(ImageBatch(count: 24, height: 28, width: 28, channels: 1, bytes: fake))
    let network = SmallImageClassifier(classCount: 3, origin: "nothing", generator: Generator(seed: 3))
    try network.save(to: folder + "/network")
    let opened = try imageFeatures(folder + "/network")

    func run(_ a: String, _ b: String) throws -> ImageMetricsRun {
      try ImageMetricsRun(real: ImageReader(folder + a), generated: ImageReader(folder + b), network: opened)
    }
    let same = try run("/real.npz", "/real.npz").metrics, other = try run("/real.npz", "/fake")
    #expect(same.figures[0].value < 1e-6 * other.metrics.figures[0].value && other.metrics.figures[0].value > 0)
    #expect(other.metrics.figures.map(\.name).contains("class score"))
    let text = other.table.text(terminal: .standardOutput)
    #expect(text.contains("small classifier, nothing"))
    #expect(text.contains("24 real and 24 generated"))
    #expect(!text.contains("FID"))

    let error = #expect(throws: InputError.self) {
      let stored = ImageBatch(count: 9, height: 4, width: 4, channels: 1, bytes: [UInt8](repeating: 1, count: 144))
      try NumPyWriter.writeArchive(
        [.images(count: 9, height: 4, width: 4, channels: 1) { stored }], to: folder + "/small.npz")
      _ = try run("/real.npz", "/small.npz")
    }
    #expect(error?.description.contains("28 x 28") == true)
    let few = #expect(throws: InputError.self) {
      _ = try ImageMetricsRun(
        real: ImageReader(folder + "/real.npz", limit: 3), generated: ImageReader(folder + "/fake"), network: opened)
    }
    #expect(few?.description.contains("at least 4 images") == true)
  }

  @Test(.enabled(if: hasFashion, withoutFashion)) func fashionMNISTIsRead() throws {
    let data = try FashionMNIST()
    #expect(data.train.count == 60_000)
    #expect(data.test.count == 10_000)
    #expect(data.train.images.count == 60_000 * 28 * 28)
    #expect((0..<10).allSatisfy { label in data.test.labels.count { $0 == label } == 1000 })
  }

  @Test func absentDataIsNamed() {
    let error = #expect(throws: InputError.self) { _ = try FashionMNIST(folder: "/nowhere") }
    #expect(error?.remedy.contains("apt-get install dataset-fashion-mnist") == true)
    #expect(throws: InputError.self) { _ = try imageFeatures("/nowhere") }
  }
}
