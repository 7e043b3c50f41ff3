// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import Recipes
import Reports
import Testing
import TokenData
import TokenModels
import Torch

/// The image experiment on images made here: a bar for each class, at a place of its own.
@Suite struct ImageExperimentTests {
  @Test func runsBecomeAReport() throws {
    let folder = try TemporaryImages(train: 200, test: 60)
    var experiment = ImageExperiment(data: folder.data, scale: .tiny)
    experiment.grid.sizes = [0.25, 1]
    let kept = try ExperimentFolder(folder.output, experiment)
    for name in ["tokenizer"] + experiment.grid.runs.map(\.name) { try kept.run(one: name, threads: 1) }
    let report = try kept.report(command: "dist2 reproduce images")
    // Two lines of what is real and reconstructed, then share x mark x objective.
    #expect(report.tables[0].rows.count == 2 + 2 * 2 * 2)
    #expect(
      report.tables[0].rows.dropFirst(2).allSatisfy { row in row.dropFirst(4).allSatisfy { $0.value?.isFinite == true }
      })
    #expect(report.markdown.contains("K13"))
    let page = try String(contentsOfFile: folder.output + "/report.html", encoding: .utf8)
    #expect(page.contains("data:image/png;base64,"))
    #expect(page.contains("Table 4"))

    // The same run again is the same to the last bit; sft and dist read the same images.
    let name = experiment.grid.runs[1].name, first = try #require(try kept.outcome(name))
    try kept.run(one: name, threads: 1)
    let again = try #require(try kept.outcome(name))
    #expect(first.losses == again.losses)
    #expect(first.marks == again.marks)
    #expect(first.images == 50)
    #expect(first.temperature != nil)
    #expect(first.losses.count == 20)
    #expect(first.losses.last! < first.losses[0])

    let probe = try ProbeReport(experiment: folder.output, images: 30, seed: 0, command: "dist2 reproduce vq-probe")
    try probe.write()
    #expect(probe.table.rows.count == 3)
    #expect(try PixelImage(file: folder.output + "/probe.png").width == 4 * 3 * 28 + 3 * 2)
  }

  @Test func replacedCodesAreOfTheirRank() throws {
    let folder = try TemporaryImages(train: 20, test: 6)
    let settings = ImageExperiment(data: folder.data, scale: .tiny)
    let model = VQModel(settings.vq, generator: Generator(seed: 1))
    let network = SmallImageClassifier(classCount: 10, origin: "nothing", generator: Generator(seed: 2))
    let probe = try CodeProbe(model, network, images: settings.loadedImages().test.planes, seed: 3)
    let book = model.codeBook, distances = book.cdist(book).array(of: Float.self), count = settings.tokenizer.codes
    let length = settings.gridSide * settings.gridSide, old = probe.codes.array(of: Int64.self)
    // 7 x 7: rows and columns 2 and 3.
    #expect(probe.places == [16, 17, 23, 24])
    for (kind, ranks) in [(CodeProbe.Kind.near, 1...10), (.random, 1...count - 1), (.far, count - 10...count - 1)] {
      let new = probe.replaced(kind).array(of: Int64.self)
      for index in old.indices {
        guard probe.places.contains(index % length) else {
          #expect(new[index] == old[index])
          continue
        }
        let row = (0..<count).map { distances[Int(old[index]) * count + $0] }, mine = row[Int(new[index])]
        // How many other codes are nearer; equal distances share a rank.
        let nearer = row.indices.count { $0 != Int(old[index]) && row[$0] < mine }
        let asNear = row.indices.count { $0 != Int(old[index]) && row[$0] <= mine }
        #expect(new[index] != old[index])
        #expect(nearer + 1 <= ranks.upperBound)
        #expect(asNear >= ranks.lowerBound)
      }
    }
    #expect(try probe.changes(probe.codes).allSatisfy { $0.pixels == 0 && $0.features == 0 })
  }

  @Test func sharesOutsideTheDataAreRefused() throws {
    var experiment = ImageExperiment(data: "/nowhere", scale: .tiny)
    let error = #expect(throws: InputError.self) { try ExperimentFolder("/nowhere/out", experiment) }
    #expect(error?.remedy.contains("dataset-fashion-mnist") == true)
    experiment.grid.sizes = [0, 1]
    #expect(#expect(throws: InputError.self) { try experiment.validate() }?.place == "--sizes")
  }
}

/// IDX files in a folder of their own, deleted afterwards.
private final class TemporaryImages {
  let data: String
  var output: String { data + "/out" }

  init(train: Int, test: Int) throws {
    data = FileManager.default.temporaryDirectory.appending(path: "pictures-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    for (part, count) in [("train", train), ("t10k", test)] {
      let labels = (0..<count).map { UInt8($0 % 10) }
      try write("\(part)-labels-idx1-ubyte", sizes: [count], bytes: labels)
      try write("\(part)-images-idx3-ubyte", sizes: [count, 28, 28], bytes: labels.enumerated().flatMap(image))
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: data) }

  func write(_ name: String, sizes: [Int], bytes: [UInt8]) throws {
    var head: [UInt8] = [0, 0, 8, UInt8(sizes.count)]
    for size in sizes { for shift in [24, 16, 8, 0] { head.append(UInt8((size >> shift) & 255)) } }
    try Data(head + bytes).write(to: URL(filePath: data + "/" + name))
  }

  private func image(_ index: Int, _ label: UInt8) -> [UInt8] {
    let rows = 2 * Int(label) + 3..<2 * Int(label) + 6, columns = 4 + index % 5..<24
    var pixels = [UInt8]()
    for row in 0..<28 {
      for column in 0..<28 {
        let isBar = rows.contains(row) && columns.contains(column), grain = (7 * row + 3 * column + index) % 16
        pixels.append(isBar ? UInt8(180 + index % 60) : UInt8(grain))
      }
    }
    return pixels
  }
}
