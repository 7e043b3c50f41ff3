// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Images and prompts as LLaVA-OneVision's processor makes them: Tests/Fixtures/llavaonevision/make.py.
@Suite struct AnyResolutionTests {
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

  private static let sizes = (1...3).flatMap { rows in (1...3).map { [16 * rows, 16 * $0] } }
  private let folder = imageFixture("../llavaonevision/processor")
  private let transform: AnyResolution

  init() throws {
    transform = try AnyResolution(
      JSONReader(file: folder + "/preprocessor_config.json"), tokenSide: 4, most: 9, sizes: Self.sizes)
  }

  @Test func imagesEqualTheProcessors() throws {
    let file = try SafetensorsFile(folder + "/images.safetensors")
    func values<T>(_ name: String, as type: T.Type) throws -> [T] {
      try #require(file[name], "\(name)").withBytes { Array($0.bindMemory(to: T.self)) }
    }
    var compared = 0
    for sides in ["20x33", "33x20", "16x16", "1x1", "5x60", "300x200", "47x48", "100x99", "480x640", "17x31"] {
      let size = sides.split(separator: "x").compactMap { Int($0) },
        image = PixelImage.ruled(height: size[0], width: size[1])
      for kind in ["alone", "among"] {
        let key = "\(kind).\(sides)"
        let prepared =
          kind == "alone" ? try transform.prepare(image, path: key) : try transform.prepareAmongOthers(image, path: key)
        for most in [9, 1, 4] {
          var scaling = transform
          scaling.most = most
          let count =
            kind == "alone"
            ? try scaling.tokens(height: size[0], width: size[1], path: key) : scaling.tokensAmongOthers
          let views = 1 + (prepared.grid.map { $0.rows * $0.columns } ?? 0)
          #expect(
            [views, count] == (try values("\(key).tokens\(most)", as: Int64.self)).map { Int($0) }, "\(key) \(most)")
        }
        let places = try values(key + ".places", as: Int32.self), at = try values(key + ".at", as: Float.self)
        let worst = zip(places, at).map { abs(prepared.values[Int($0)] - $1) }.max() ?? .infinity
        #expect(worst <= 1e-6, "\(key): \(worst)")
        compared += places.count
      }
    }
    #expect(compared == 20 * 400)
  }

  @Test func promptsEqualTheProcessors() throws {
    let tokenizer = try Tokenizer(folder: folder)
    let prompts = try JSONDecoder().decode(
      Prompts.self, from: Data(contentsOf: URL(filePath: folder + "/prompts.json")))
    var encoder = ExampleEncoder(tokenizer, end: nil)
    let images = ImageTokens(
      id: prompts.image, mark: "<image>", preparation: .anyResolution(transform), video: "<video>")
    encoder.images = images
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
        let messages = wanted.messages.map { message in
          ChatMessage(message.role, message.content.map { $0.type == "image" ? "<image>\n" : $0.text ?? "" }.joined())
        }
        let example = try encoder.encode(Record(.messages(messages), images: paths, source: "line"))
        #expect(example.ids == wanted.ids, "case \(number)")
        #expect(example.images.map(\.path) == paths)
        for (shown, placed) in zip(example.images, try images.prepared(example.images, source: "line")) {
          #expect(shown.tokens.allSatisfy { example.ids[$0] == prompts.image && !example.supervised[$0] })
          #expect((placed.image.grid == nil) == (paths.count > 1))
        }
      }
    }
    expectRefusal("line", "images alone", "<video>") {
      _ = try encoder.question(Record(.promptCompletion("<video>cat", nil), source: "line"))
    }
  }

  @Test func otherConfigurationsAreRefused() throws {
    func read(_ key: String, _ value: JSON) throws -> AnyResolution {
      guard case .object(var object) = try JSONReader(file: folder + "/preprocessor_config.json").value else {
        return transform
      }
      object[key] = value
      return try AnyResolution(JSONReader(.object(object), path: "p.json"), tokenSide: 4, most: 9, sizes: Self.sizes)
    }
    #expect(try read("image_processor_type", "LlavaOnevisionImageProcessorFast") == transform)
    expectRefusal("image_processor_type", "LlavaOnevisionImageProcessor") {
      _ = try read("image_processor_type", "LlavaNextImageProcessor")
    }
    expectRefusal("do_resize", "true") { _ = try read("do_resize", false) }
    expectRefusal("do_center_crop", "false") { _ = try read("do_center_crop", true) }
    expectRefusal("size", "equal height and width") { _ = try read("size", ["height": 16, "width": 32]) }
    expectRefusal("size", "height") { _ = try read("size", ["shortest_edge": 16]) }
    expectRefusal("image_grid_pinpoints", "9") { _ = try read("image_grid_pinpoints", [[16, 16]]) }
    expectRefusal("image_grid_pinpoints[0]", "[16, 16]") {
      _ = try read("image_grid_pinpoints", .array([JSON](repeating: [32, 32], count: 9)))
    }
    // Nothing of it but padding would be left.
    expectRefusal("p.png", "long and thin", "1 x 5000") {
      _ = try transform.tokens(height: 5000, width: 1, path: "p.png")
    }
  }
}
