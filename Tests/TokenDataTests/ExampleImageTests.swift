// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Records that show images, and what becomes of them.
@Suite struct ExampleImageTests {
  private let tokens: ImageTokens, encoder: ExampleEncoder
  private let mark: Int32

  init() throws {
    var encoder = try digitEncoder("smollm2")
    // Any token will do: this one stands for images here.
    mark = try #require(encoder.tokenizer.id(of: "<b>"))
    tokens = ImageTokens(id: mark, mark: "<b>", preparation: .single(ImagePreparation(side: 8), tokens: 3))
    encoder.images = tokens
    encoder.template = .chatml
    self.encoder = encoder
  }

  private func record(_ json: String, _ folder: String) throws -> Record {
    try RecordReader(needsAnswer: false).record(
      JSONReader(JSON(parsing: json, path: "a.jsonl"), path: "a.jsonl"), source: "a.jsonl line 3", folder: folder)
  }

  /// Writes `a.png` and `b.png` into a folder.
  private func withImages(_ body: (String) throws -> Void) throws {
    try withFile("", name: "empty") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      for (name, source) in [("a.png", "rgb.png"), ("b.png", "gray.png")] {
        try FileManager.default.copyItem(atPath: imageFixture(source), toPath: folder + "/" + name)
      }
      try body(folder)
    }
  }

  @Test func marksBecomeTheTokensOfImages() throws {
    try withImages { folder in
      let record = try record(
        #"{"prompt": "1 <b>x<b> 2", "completion": " 34", "images": ["a.png", "b.png"]}"#, folder)
      let example = try encoder.encode(record)
      #expect(example.images.map(\.path) == [folder + "/a.png", folder + "/b.png"])
      #expect(example.ids.count { $0 == mark } == 6)
      for image in example.images {
        #expect(image.count == 3 && image.tokens.allSatisfy { example.ids[$0] == mark && !example.supervised[$0] })
      }
      #expect(example.images[1].position == example.images[0].position + 4)
      // Digits of the answer are found behind the images' tokens; digits of the prompt are not.
      #expect(example.metrics.map { example.ids[$0.position] } == encoder.tokenizer.ids(of: "34"))
      let question = try encoder.question(record)
      #expect(question.ids == Array(example.ids.prefix(question.ids.count)))
      #expect(question.images == example.images)
    }
  }

  @Test func imagesWithoutMarksStandBeforeThePrompt() throws {
    try withImages { folder in
      let plain = try encoder.encode(try record(#"{"prompt": "x", "completion": "1", "images": "a.png"}"#, folder))
      #expect(plain.ids.prefix(3) == [mark, mark, mark] && plain.images[0].position == 0)
      let chat = #"""
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "where?"},
        {"role": "assistant", "content": "12"}], "images": ["b.png"]}
        """#
      let example = try encoder.encode(try record(chat, folder))
      let text = encoder.tokenizer.decode(Array(example.ids[example.images[0].tokens.upperBound...]))
      #expect(text.hasPrefix("\nwhere?"))
      #expect(example.images.count == 1)
      // Not into what is answered, where it would move spans.
      let answer =
        #"{"messages": [{"role": "assistant", "content": "12 34"}], "images": ["b.png"], "spans": {"y": [[3, 5]]}}"#
      let analysis = try encoder.analyze(try record(answer, folder))
      let span = try #require(analysis.spans["y"]?.first), scalars = Array(analysis.text.unicodeScalars)
      #expect(String(String.UnicodeScalarView(scalars[span])) == "34")
      #expect(analysis.example.images.count == 1)
      #expect(analysis.text.hasPrefix("<|im_start|>user\n<b>\n<|im_end|>"))
    }
  }

  @Test func refusalsNameLineAndImage() throws {
    try withImages { folder in
      expectRefusal("a.jsonl line 3", "images[1]", folder + "/c.png") {
        _ = try encoder.encode(try record(#"{"prompt": "x", "completion": "1", "images": ["a.png", "c.png"]}"#, folder))
      }
      expectRefusal("a.jsonl line 3", "as many images", "2", "found 1") {
        let text = #"{"prompt": "<b><b>", "completion": "1", "images": ["a.png"]}"#
        _ = try encoder.encode(try record(text, folder))
      }
      var blind = encoder
      blind.images = nil
      expectRefusal("a.jsonl line 3", "text alone", "new-vlm") {
        _ = try blind.encode(try record(#"{"prompt": "x", "completion": "1", "images": ["a.png"]}"#, folder))
      }
      expectRefusal("images[0]") { _ = try record(#"{"prompt": "x", "images": [3]}"#, folder) }
      for (bytes, expected) in [("no image", "PNG or JPEG"), ("", "a file with content")] {
        try Data(bytes.utf8).write(to: URL(filePath: folder + "/c.png"))
        expectRefusal("a.jsonl line 3", "images[0]", "c.png", expected) {
          _ = try encoder.encode(try record(#"{"prompt": "x", "completion": "1", "images": ["c.png"]}"#, folder))
        }
      }
      try Data("no image".utf8).write(to: URL(filePath: folder + "/c.png"))
      expectRefusal("c.png", "image of train.jsonl line 7", "PNG or JPEG") {
        _ = try tokens.prepared(
          [ExampleImage(path: folder + "/c.png", position: 0, count: 3)], source: "train.jsonl line 7")
      }
      let placed = try tokens.prepared([ExampleImage(path: folder + "/b.png", position: 4, count: 3)], source: "")
      #expect(placed.count == 1 && placed[0].position == 4 && placed[0].image.values.count == 192)
    }
  }

  /// Paths are seen from the folder of the JSONL file, and a missing image stops the reading with its line.
  @Test func datasetsFindImagesBesideThem() throws {
    try withImages { folder in
      let path = folder + "/train.jsonl"
      let good = #"{"prompt": "x", "completion": "1", "images": ["a.png"]}"# + "\n"
      let bad = #"{"prompt": "x", "completion": "1", "images": ["gone.png"]}"# + "\n"
      let rules = Dataset.Rules(reader: RecordReader(), encoder: encoder, maxLength: 64)
      try Data(good.utf8).write(to: URL(filePath: path))
      let dataset = try Dataset(path, rules)
      #expect(dataset.summary.images == 1)
      #expect(try dataset.example(0).images.count == 1)
      try Data((good + "\n" + bad).utf8).write(to: URL(filePath: path))
      expectRefusal("train.jsonl", "line 3", "images[0]", "gone.png") { _ = try Dataset(path, rules) }
    }
  }

  /// D.3: images are brought to a square first, so that neither crops nor tiles follow their shape.
  @Test func imagesAreSquaredBeforeTheirPreparation() throws {
    try withFile("", name: "wide.png") { path in
      // Only the left edge is white, which a crop to the middle does not show.
      let bytes = (0..<12).flatMap { _ in (0..<48).flatMap { [UInt8](repeating: $0 < 8 ? 255 : 0, count: 3) } }
      let image = PixelImage(width: 48, height: 12, channels: 3, bytes: bytes)
      try image.writePNG(to: path)
      let transform = HDTransform(side: 8, crops: 4, tokenSide: 2)
      var tokens = ImageTokens(id: mark, mark: "<b>", preparation: .single(ImagePreparation(side: 8), tokens: 3))
      func values(_ count: Int) throws -> [Float] {
        try tokens.prepared([ExampleImage(path: path, position: 0, count: count)], source: "")[0].image.values
      }
      let cropped = try values(3)
      #expect(Set(cropped.prefix(64)).count == 1)
      tokens.square = 32
      let squared = image.resized(width: 32, height: 32, filter: .bicubic)
      let expected = try ImagePreparation(side: 8).prepare(squared, path: "").values
      #expect(try values(3) == expected && Set(expected.prefix(64)).count > 1)
      // Four parts of a square, not of a strip.
      tokens.preparation = .tiled(transform)
      let count = transform.tokens(of: .init(rows: 2, columns: 2))
      #expect(try values(count) == transform.prepare(squared, path: "").values)
      var encoder = encoder
      encoder.images = tokens
      let record = try record(
        #"{"prompt": "x", "completion": "1", "images": ["wide.png"]}"#, (path as NSString).deletingLastPathComponent)
      #expect(try encoder.encode(record).images[0].count == count)
    }
  }

  @Test func shorteningNeverCutsAImage() throws {
    let example = EncodedExample(
      ids: [9, 9, 7, 7, 7, 1, 2, 3], supervised: [false, false, false, false, false, false, true, true],
      images: [ExampleImage(path: "a", position: 2, count: 3)])
    #expect(example.prefix(4) == nil)
    #expect(example.prefix(5)?.images.count == 1)
    #expect(example.prefix(2)?.images.isEmpty == true)
    #expect(example.cuttingPrompt(to: 6, keeping: 0)?.images.map(\.position) == [0])
    #expect(example.cuttingPrompt(to: 5, keeping: 0) == nil)
  }
}
