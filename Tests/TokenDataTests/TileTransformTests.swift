// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Images and prompts as SmolVLM's processor makes them: Tests/Fixtures/smolvlm/make.py.
@Suite struct TileTransformTests {
  private struct Prompts: Decodable {
    struct Case: Decodable {
      struct Message: Decodable {
        struct Part: Decodable { let type: String, text: String? }
        let role: ChatMessage.Role, content: [Part]
      }
      let messages: [Message], images: [[Int]], ids: [Int32]
    }
    let image: Int32, cases: [Case]
  }

  private let folder = imageFixture("../smolvlm/processor")
  private let transform: TileTransform

  init() throws { transform = try TileTransform(JSONReader(file: folder + "/preprocessor_config.json")) }

  @Test func imagesEqualTheProcessors() throws {
    #expect(transform == TileTransform(side: 16, longest: 48))
    let file = try SafetensorsFile(folder + "/images.safetensors")
    func values<T>(_ name: String, as type: T.Type) throws -> [T] {
      try #require(file[name], "\(name)").withBytes { Array($0.bindMemory(to: T.self)) }
    }
    let transforms = [
      "48.16": transform, "16.16": TileTransform(side: 16, longest: 16), "40.12": TileTransform(side: 12, longest: 40),
      "single": TileTransform(side: 16, longest: 48, splits: false),
    ]
    var compared = 0
    for (name, transform) in transforms {
      for sides in ["20x33", "33x20", "16x16", "1x1", "5x200", "300x200", "47x48", "100x99", "480x640"] {
        let key = "\(name).\(sides)", size = sides.split(separator: "x").compactMap { Int($0) }
        let wanted = try values(key + ".grid", as: Int64.self).map(Int.init)
        let prepared = transform.prepare(PixelImage.ruled(height: size[0], width: size[1]))
        #expect([prepared.grid?.rows ?? 0, prepared.grid?.columns ?? 0, prepared.values.count] == wanted, "\(key)")
        #expect(prepared.grid == transform.grid(height: size[0], width: size[1]))
        let places = try values(key + ".places", as: Int32.self), at = try values(key + ".at", as: Float.self)
        let worst = zip(places, at).map { abs(prepared.values[Int($0)] - $1) }.max() ?? .infinity
        #expect(worst <= 1e-6, "\(key): \(worst)")
        compared += places.count
      }
    }
    #expect(compared == 36 * 400)
  }

  @Test func promptsEqualTheProcessors() throws {
    let tokenizer = try Tokenizer(folder: folder)
    let prompts = try JSONDecoder().decode(
      Prompts.self, from: Data(contentsOf: URL(filePath: folder + "/prompts.json")))
    var encoder = ExampleEncoder(tokenizer, end: nil)
    let marks = try ViewMarks(tokenizer, largest: transform.largestGrid, path: folder)
    encoder.images = ImageTokens(
      id: prompts.image, mark: "<image>", preparation: .views(transform, marks: marks, tokens: 4))
    let source = try String(contentsOfFile: folder + "/chat_template.jinja", encoding: .utf8)
    var template = try InterpretedTemplate(source, path: "chat_template.jinja", tokenizer: tokenizer)
    template.imageMark = "<image>"
    encoder.template = .interpreted(template)
    try withFile("", name: "empty") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      #expect(prompts.cases.count == 3)
      for (number, wanted) in prompts.cases.enumerated() {
        var paths = [String]()
        for (index, size) in wanted.images.enumerated() {
          paths.append("\(folder)/\(number)-\(index).png")
          try PixelImage.ruled(height: size[0], width: size[1]).writePNG(to: paths[index])
        }
        // As records have them: a line break behind an image's mark.
        let messages = wanted.messages.map { message in
          ChatMessage(message.role, message.content.map { $0.type == "image" ? "<image>\n" : $0.text ?? "" }.joined())
        }
        let example = try encoder.encode(Record(.messages(messages), images: paths, source: "line"))
        #expect(example.ids == wanted.ids, "case \(number)")
        #expect(example.images.map(\.path) == paths)
        let views = try #require(encoder.images).prepared(example.images, source: "line")
        for (shown, placed) in zip(example.images, views) {
          let count = 1 + (placed.image.grid.map { $0.rows * $0.columns } ?? 0)
          #expect(shown.tokens.count { example.ids[$0] == prompts.image } == 4 * count)
          #expect(shown.tokens.allSatisfy { !example.supervised[$0] })
          #expect(tokenizer.token(of: example.ids[shown.position]) == "<fake_token_around_image>")
          #expect(tokenizer.token(of: example.ids[shown.tokens.upperBound - 1]) == "<fake_token_around_image>")
        }
      }
    }
  }

  @Test func otherConfigurationsAreRefused() throws {
    func read(_ change: (String, JSON)) throws -> TileTransform {
      guard case .object(var object) = try JSONReader(file: folder + "/preprocessor_config.json").value else {
        return transform
      }
      object[change.0] = change.1
      return try TileTransform(JSONReader(.object(object), path: "p.json"))
    }
    #expect(try read(("do_image_splitting", false)).splits == false)
    #expect(try read(("image_processor_type", "Idefics3ImageProcessorFast")) == transform)
    expectRefusal("image_processor_type", "SmolVLMImageProcessor") {
      _ = try read(("image_processor_type", "CLIPImageProcessor"))
    }
    expectRefusal("do_resize", "true") { _ = try read(("do_resize", false)) }
    expectRefusal("size.longest_edge", "expected") { _ = try read(("size", ["height": 3, "width": 4])) }
    expectRefusal("rescale_factor", "1/255") { _ = try read(("rescale_factor", 1.0)) }
    expectRefusal("size", "64 times") { _ = try read(("size", ["longest_edge": 4096])) }
    let tokenizer = try Tokenizer(folder: folder)
    expectRefusal("tokenizer.json", "<row_1_col_4>") { _ = try ViewMarks(tokenizer, largest: 4, path: "m") }
  }
}
