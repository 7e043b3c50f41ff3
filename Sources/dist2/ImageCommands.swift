// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Files
import Recipes
import Reports
import TokenData

struct ImageCodesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image-codes",
    abstract: "Turn images into the codes that an image model learns from.",
    discussion: """
      PICTURES is a folder with a folder of PNG or JPEG files for each class, or an IDX file with its labels beside it. \
      Writes NAME_codes/0.npy, … and NAME_labels/0.npy, … into the output folder, which a run file names as data.train \
      with data.format: codes. Images that are there already are left as they are.
      """)
  @Argument(help: "Images with classes.") var images: String
  @Option(help: "Folder of the tokenizer.", completion: .directory) var tokenizer: String
  @Option(
    help: "Side of a crop, such as 256 or 384. Default: images as they are.", transform: whole(OptionRange.sides))
  var size: Int?
  @Option(help: "Shorter side before cropping, as multiples of the size.") var ranges = "1.1,1.05"
  @Flag(help: "The centre of each alone, instead of ten crops.") var centre = false
  @Option(help: "Crops encoded at once. Default: 16.", transform: whole(1...65_536)) var batch = 16
  @Option(help: "Name of the data. Default: images and the size.") var name: String?
  @Option(name: [.short, .long], help: "Folder to write to.", completion: .directory) var output: String

  func validate() throws {
    _ = try multiples()
  }

  private func multiples() throws -> [Double] { try numbers(ranges, "--ranges", in: 1...4) }

  func run() throws {
    let images = try ClassifiedImages(images)
    let crops = CodeExtraction.Crops(side: size, ranges: try multiples(), areTen: !centre)
    let extraction = try CodeExtraction(images, tokenizer: tokenizer, crops, batch: batch)
    let writer = try CodeFolderWriter(output, name: name ?? "pictures\(size.map(String.init) ?? "")")
    try ProgressBar.run("encoding", total: images.count, unit: "image") { bar in
      try extraction.run(into: writer) { bar.update(completed: $0) }
    }
    print("\(images.count) images, \(crops.count) crops each: \(output)")
  }
}

struct ImageSamplesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image-samples",
    abstract: "Draw images from a model of image codes: a grid, a folder of PNG files, or an .npz file.",
    discussion: """
      Where the output ends in .png all images are one grid. A folder takes 000000.png, 000001.png, …; an interrupted \
      drawing goes on with the same command. NAME.npz is made of such a folder, NAME, when it is full: arr_0 is what the \
      evaluator of ADM reads.
      """)
  @Argument(help: "The folder of a run over image codes (its best checkpoint), or a model.") var model: String
  @Option(help: "Folder of the tokenizer. Default: that of the run.", completion: .directory) var tokenizer: String?
  @Option(help: "The checkpoint to take instead of the best.", transform: whole(0...1_000_000_000)) var step: Int?
  @Option(help: "Classes to draw in turn, such as 207,360,387. Default: all.") var classes: String?
  @Option(help: "Number of images. Default: 16.", transform: whole(OptionRange.lists)) var count = 16
  @Option(help: "Strength of classifier-free guidance; 1 for none. Default: 2.", transform: number(-1e6...1e6))
  var guidance = 2.0
  @Option(help: "Divides the scores before a code is drawn.", transform: number(OptionRange.factors)) var temperature =
    1.0
  @Option(help: "Draw among the k best codes.", transform: whole(OptionRange.counts)) var topK: Int?
  @Option(help: "Draw among the best codes that hold this share.", transform: positive(1)) var topP: Double?
  @Option(help: "Seed of the draws. Default: 0.", transform: whole(OptionRange.seed)) var seed: UInt64 = 0
  @Option(help: "Images drawn at once. Default: 16.", transform: whole(1...65_536)) var batch = 16
  @Option(help: "Resize to this side. Default: as drawn.", transform: whole(OptionRange.sides)) var size: Int?
  @Option(help: "Images of a row of a grid. Default: 8.", transform: whole(1...1000)) var columns = 8
  @Option(name: [.short, .long], help: "NAME.png, NAME.npz or a folder.") var output: String
  @OptionGroup var processes: ProcessOptions

  func validate() throws {
    _ = try turn()
  }

  /// The classes to draw in turn, which may repeat each other; nil for all.
  private func turn() throws -> [Int]? {
    guard let parts = classes?.split(separator: ",") else { return nil }
    let numbers = parts.compactMap { Int($0) }
    guard numbers.count == parts.count, !numbers.isEmpty, numbers.allSatisfy((0...1_000_000).contains) else {
      throw ValidationError("--classes: expected numbers from 0 to 1000000, such as 207,360,387")
    }
    return numbers
  }

  func run() throws {
    guard try !output.hasSuffix(".png") || !processes.areSeveral else {
      throw ValidationError("A grid is drawn by one process: several draw a folder or NAME.npz.")
    }
    try processes.launch(remedy: "The same command goes on with the images that are missing.")
    try processes.shared { group in
      let drawing = try ImageDrawing(model, tokenizer: tokenizer, step: step)
      let turn = try turn() ?? Array(0..<drawing.classes)
      let options = ImageSamplingOptions(
        guidance: guidance, sampling: Sampling(temperature: temperature, topK: topK, topP: topP, seed: seed),
        batch: batch)
      try drawing.draw(
        (0..<count).map { turn[$0 % turn.count] }, options, side: size, to: output, columns: columns,
        sharedBy: group)
      if group.isFirst { print(output) }
    }
  }
}
