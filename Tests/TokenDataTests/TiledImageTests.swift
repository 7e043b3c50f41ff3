// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Records whose images take as many tokens as their sizes ask for, and prompts as Phi-3-Vision's processor reads them.
@Suite struct TiledImageTests {
  private let encoder: ExampleEncoder, transform = HDTransform(side: 8, crops: 4, tokenSide: 2)
  private let mark: Int32

  init() throws {
    var encoder = try digitEncoder("phi3")
    // Any token will do. This one takes the white space after it, so it shows that text is cut into tokens apart.
    mark = try #require(encoder.tokenizer.id(of: "<|endoftext|>"))
    encoder.images = ImageTokens(id: mark, mark: "<|endoftext|>", preparation: .tiled(transform))
    encoder.template = .phi3
    encoder.wrapsPrompts = true
    self.encoder = encoder
  }

  private func record(_ json: String, _ folder: String) throws -> Record {
    try RecordReader(needsAnswer: false).record(
      JSONReader(JSON(parsing: json, path: "a.jsonl"), path: "a.jsonl"), source: "a.jsonl line 3", folder: folder)
  }

  /// Writes `wide.png` (one row of three parts, 21 tokens) and `square.png` (two rows of two, 27).
  private func withImages(_ body: (String) throws -> Void) throws {
    try withFile("", name: "empty") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      for (name, width, height) in [("wide.png", 30, 10), ("square.png", 10, 10)] {
        let bytes = [UInt8](repeating: 9, count: width * height * 3)
        try PixelImage(width: width, height: height, channels: 3, bytes: bytes).writePNG(to: folder + "/" + name)
      }
      try body(folder)
    }
  }

  /// What a tokenizer makes of a text by itself, with what it puts in front.
  private func tokens(_ text: String) -> [Int32] {
    let encoding = encoder.tokenizer.encode(text, addSpecialTokens: true)
    return Array(encoding.ids[..<encoding.body.upperBound])
  }

  private func run(_ count: Int) -> [Int32] { [Int32](repeating: mark, count: count) }

  @Test func textIsCutApartAtImages() throws {
    try withImages { folder in
      let wide = try transform.tokens(of: transform.grid(height: 10, width: 30, path: ""))
      let square = try transform.tokens(of: transform.grid(height: 10, width: 10, path: ""))
      #expect(wide != square)
      let question = try encoder.question(
        record(
          #"{"prompt": "<|image_1|>\n a <image>\nWhere?", "images": ["wide.png", "square.png"]}"#, folder))
      let wanted =
        tokens("<|user|>\n") + run(wide) + tokens("\n a ") + run(square) + tokens("\nWhere?<|end|>\n<|assistant|>\n")
      #expect(question.ids == wanted)
      #expect(question.images.map(\.count) == [wide, square])
      #expect(question.images.allSatisfy { image in image.tokens.allSatisfy { question.ids[$0] == mark } })
      // The newline after an image is there, behind a begin token.
      let after = Array(question.ids[question.images[0].tokens.upperBound...].prefix(2))
      #expect(after == Array(tokens("\n").prefix(2)) && after[0] == encoder.tokenizer.id(of: "<s>"))
    }
  }

  @Test func answersAreLearntAndImagesAreNot() throws {
    try withImages { folder in
      let record = try record(
        #"{"prompt": "Where?", "completion": "[12, 345]", "images": ["square.png", "wide.png"]}"#, folder)
      let example = try encoder.encode(record)
      #expect(example.images.map { $0.path.hasSuffix("square.png") } == [true, false])
      #expect(example.images[1].position == example.images[0].tokens.upperBound + tokens("\n").count)
      for image in example.images { #expect(image.tokens.allSatisfy { !example.supervised[$0] }) }
      #expect(example.metrics.map { example.ids[$0.position] } == "12345".map { encoder.tokenizer.id(of: String($0)) })
      let question = try encoder.question(record)
      #expect(question.ids == Array(example.ids.prefix(question.ids.count)))
      #expect(question.images == example.images)
      let analysis = try encoder.analyze(record)
      let scalars = Array(analysis.text.unicodeScalars)
      for metric in example.metrics {
        // Positions in the text are not moved by the images before them.
        let piece = analysis.pieces[metric.position]
        #expect(String(String.UnicodeScalarView(scalars[piece.range])).contains { $0.isNumber })
      }
      let prepared = try #require(encoder.images).prepared(example.images, source: "")
      #expect(prepared.map(\.image.grid) == [.init(rows: 2, columns: 2), .init(rows: 1, columns: 3)])
    }
  }

  @Test func refusalsNameTheLine() throws {
    try withImages { folder in
      expectRefusal("a.jsonl line 3", "<|image_1|>", "found <|image_2|>") {
        _ = try encoder.question(record(#"{"prompt": "<|image_2|>", "images": ["wide.png"]}"#, folder))
      }
      expectRefusal("a.jsonl line 3", "as many images", "2", "found 1") {
        _ = try encoder.question(record(#"{"prompt": "<|image_1|><|image_2|>", "images": ["wide.png"]}"#, folder))
      }
      expectRefusal("a.jsonl line 3", "spans", "a text with spans") {
        let line = #"{"text": "<image> 12", "images": ["wide.png"], "spans": {"n": [[8, 10]]}}"#
        _ = try encoder.encode(record(line, folder))
      }
      let line = [UInt8](repeating: 0, count: 900 * 3)
      try PixelImage(width: 900, height: 1, channels: 3, bytes: line).writePNG(to: folder + "/line.png")
      expectRefusal("a.jsonl line 3", "images[0]", "line.png", "times as long") {
        _ = try encoder.question(record(#"{"prompt": "x", "images": ["line.png"]}"#, folder))
      }
      // Changed after it was counted.
      let images = try encoder.question(record(#"{"prompt": "x", "images": ["wide.png"]}"#, folder)).images
      try FileManager.default.removeItem(atPath: folder + "/wide.png")
      try FileManager.default.copyItem(atPath: folder + "/square.png", toPath: folder + "/wide.png")
      expectRefusal("wide.png", "as when its record was read", "10 x 10", "line 9") {
        _ = try #require(encoder.images).prepared(images, source: "line 9")
      }
    }
  }
}
