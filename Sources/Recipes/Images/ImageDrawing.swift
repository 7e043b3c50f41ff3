// SPDX-License-Identifier: Apache-2.0
public import Evaluation
import Files
import Foundation
import Reports
import TokenData
import TokenModels
public import Torch
import TorchNN

/// Draws images from a class-conditional model and its tokenizer, into files.
///
/// - `NAME/`: `000000.png`, `000001.png`, …, as torch-fidelity reads them. Images that are there already stay, so that
///   an interrupted drawing goes on; `NAME.json` beside it says what they were drawn with.
/// - `NAME.npz`: the same, and then the array `arr_0` that the evaluator of ADM reads.
/// - `NAME.png`: a grid of all.
public struct ImageDrawing {
  private let model: any ClassConditionalModel
  private let painter: ImagePainter
  private let origin: String

  /// Opens a model and its tokenizer.
  ///
  /// - Parameters:
  ///   - name: the folder of a run over image codes, or of a model.
  ///   - tokenizer: folder of the tokenizer; nil takes that of the run.
  ///   - step: the run's checkpoint; nil takes the best by validation, else the last.
  /// - Throws: `InputError` for what is not there or draws no images.
  public init(_ name: String, tokenizer: String? = nil, step: Int? = nil) throws {
    let run = RunFolder(name)
    var own: String?
    let loaded: any PretrainedModel
    if fileExists(run.runFile) {
      let artifacts = try CodeRunArtifacts(RunSettings(file: run.runFile)), checkpoint = try run.checkpoint(step: step)
      loaded = try loadTrained(artifacts, checkpoint: checkpoint)
      (own, origin) = (artifacts.settings.data.tokenizer, checkpoint)
    } else {
      origin = try modelFolder(name)
      loaded = try loadModel(folder: origin, options: LoadOptions(dtype: .float32))
    }
    guard let model = loaded as? any ClassConditionalModel else {
      throw InputError(
        path: name, expected: "a model of image codes, such as LlamaGen's", found: "\(type(of: loaded))",
        remedy: "Models of text answer: dist2 generate.")
    }
    guard let folder = tokenizer ?? own else {
      throw InputError(
        path: name, expected: "the tokenizer that turns codes into images", found: "none",
        remedy: "Name its folder: --tokenizer models/vq-16.")
    }
    self.model = model
    painter = ImagePainter(try VQModel(folder: folder))
  }

  /// Number of classes.
  public var classes: Int { model.classes }

  /// Draws one image for each class.
  ///
  /// - Parameters:
  ///   - side: what images are resized to; nil leaves them as they are drawn.
  ///   - output: see the type.
  ///   - columns: images of a row of a grid.
  ///   - group: processes that share the images, all of which see the folder; nil for one alone, as a grid takes.
  /// - Throws: `DecodingError` for settings that cannot be used, `InputError` if files cannot be written or the folder
  ///   holds images drawn otherwise.
  public func draw(
    _ classes: [Int?], _ options: ImageSamplingOptions, side: Int? = nil, to output: String, columns: Int = 8,
    sharedBy group: ProcessGroup? = nil
  ) throws {
    if output.hasSuffix(".png") {
      precondition(group == nil, "a grid is of one process")
      var images = [PixelImage]()
      try run(classes, Array(classes.indices), options, side) { _, batch in images += batch.images }
      return try PixelImage.grid(images, columns: columns).writePNG(to: output)
    }
    let folder = output.hasSuffix(".npz") ? String(output.dropLast(4)) : output
    if group.isFirst { try claim(folder, classes, options, side) }
    try group?.barrier()
    func path(_ index: Int) -> String { "\(folder)/\(NumberedImages.name(index))" }
    let own = stride(from: group?.rank ?? 0, to: classes.count, by: group?.size ?? 1)
    try run(classes, own.filter { !fileExists(path($0)) }, options, side) { indices, batch in
      for (index, image) in zip(indices, batch.images) { try image.writePNG(to: path(index), isSynced: false) }
    }
    try group?.barrier()
    if output.hasSuffix(".npz"), group.isFirst { try pack(folder, count: classes.count, to: output) }
  }

  private func run(
    _ classes: [Int?], _ waiting: [Int], _ options: ImageSamplingOptions, _ side: Int?,
    _ keep: ([Int], ImageBatch) throws -> Void
  ) throws {
    try ProgressBar.run("drawing", total: classes.count, unit: "image") { bar in
      bar.update(completed: classes.count - waiting.count)
      try ImageSampler(model).sample(
        waiting.map { classes[$0] }, options, streams: waiting.map { UInt64($0) }
      ) { part, codes in
        try keep(part.map { waiting[$0] }, try painter.paint(codes, side: side))
        bar.update(completed: classes.count - waiting.count + part.upperBound)
      }
    }
  }

  /// Begins a folder, or makes sure that the images in it were drawn likewise.
  private func claim(_ folder: String, _ classes: [Int?], _ options: ImageSamplingOptions, _ side: Int?) throws {
    struct Origin: Codable, Equatable {
      var model: String, classes: [Int?], options: ImageSamplingOptions, side: Int?
    }
    var options = options
    options.batch = 1  // changes nothing that is drawn
    let own = Origin(model: origin, classes: classes, options: options, side: side), path = folder + ".json"
    let hasImages = try fileExists(folder) && names(inFolder: folder).contains { $0.hasSuffix(".png") }
    if hasImages, let bytes = try? fileBytes(path) {
      guard let old = try? JSONDecoder().decode(Origin.self, from: Data(bytes)), old == own else {
        throw InputError(
          path: folder, expected: "a new folder, or one of the same drawing",
          found: "images of another model or other settings: see \(path)",
          remedy: "Choose another name with --output, or remove both.")
      }
    }
    try makeFolders(folder)
    try AtomicFile.write(encodedJSON(own, path: path), to: path)
  }

  private func pack(_ folder: String, count: Int, to path: String) throws {
    let size = try PixelImage.size(ofFile: "\(folder)/\(NumberedImages.name(0))")
    let reader = try ImageReader(folder, limit: count)
    try NumPyWriter.writeArchive(
      [
        .images(count: count, height: size.height, width: size.width, channels: 3) {
          guard let batch = try reader.next(256, channels: 3) else {
            throw InputError(path: folder, expected: "\(count) images", found: "fewer")
          }
          return batch
        }
      ], to: path)
  }
}
