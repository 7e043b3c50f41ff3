// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Images and prompts as the processors of Qwen2.5-VL and Qwen3-VL make them: Tests/Fixtures/qwenvl/make.py.
@Suite struct PatchTransformTests {
  private struct Prompts: Decodable {
    struct Case: Decodable {
      struct Message: Decodable {
        struct Part: Decodable { let type: String, text: String? }
        let role: ChatMessage.Role, content: [Part]
      }
      let messages: [Message]?, prompt: String?, images: [[Int]], ids: [Int32]
    }
    let image: Int32, cases: [Case]
  }

  private let folder = imageFixture("../qwenvl/processor")
  private let transform: PatchTransform
  private let layout = ImageTokens.Layout.framed(start: "<|vision_start|>", end: "<|vision_end|>")

  init() throws {
    transform = try PatchTransform(JSONReader(file: folder + "/preprocessor_config.json"), frames: 2)
  }

  /// The rule by which make.py makes images.
  private func image(height: Int, width: Int) -> PixelImage {
    var bytes = [UInt8]()
    bytes.reserveCapacity(height * width * 3)
    for y in 0..<height {
      for x in 0..<width {
        let base = x * 7 + y * 13 + x * y % 31 + x / 5 % 2 * 90
        for channel in 0..<3 { bytes.append(UInt8(truncatingIfNeeded: base + channel * 50)) }
      }
    }
    return PixelImage(width: width, height: height, channels: 3, bytes: bytes)
  }

  @Test func imagesEqualTheProcessors() throws {
    #expect(transform == PatchTransform(patch: 4, least: 256, most: 3840))
    let file = try SafetensorsFile(folder + "/images.safetensors")
    func values<T>(_ name: String, as type: T.Type) throws -> [T] {
      try #require(file[name], "\(name)").withBytes { Array($0.bindMemory(to: T.self)) }
    }
    let half = ImagePreparation.siglip
    let transforms = [
      "small": transform, "qwen25": PatchTransform(least: 3136, most: 200_704),
      "qwen3": PatchTransform(
        patch: 16, least: 65_536, most: 262_144, mean: half.mean, deviation: half.deviation),
      "squares": PatchTransform(patch: 2, merge: 3, least: 36, most: 3600),
    ]
    var compared = 0
    for (name, transform) in transforms {
      for sides in ["20x33", "33x20", "16x16", "1x1", "5x200", "300x200", "47x48", "100x99", "480x640", "12x20"] {
        let key = "\(name).\(sides)", size = sides.split(separator: "x").compactMap { Int($0) }
        let wanted = try values(key + ".grid", as: Int64.self).map(Int.init)
        let prepared = try transform.prepare(image(height: size[0], width: size[1]), path: "a.png")
        #expect([prepared.grid?.rows ?? 0, prepared.grid?.columns ?? 0, prepared.values.count] == wanted, "\(key)")
        #expect(prepared.grid == (try transform.grid(height: size[0], width: size[1], path: "a.png")))
        let places = try values(key + ".places", as: Int32.self), at = try values(key + ".at", as: Float.self)
        let worst = zip(places, at).map { abs(prepared.values[Int($0)] - $1) }.max() ?? .infinity
        #expect(worst <= 1e-6, "\(key): \(worst)")
        compared += places.count
      }
    }
    #expect(compared == 40 * 400)
  }

  /// Numbers of the published models: 480 x 640 pixels are 391 tokens of Qwen2.5-VL and 300 of Qwen3-VL.
  @Test func publishedModelsShowImagesInSoManyTokens() throws {
    let second = PatchTransform(least: 3136, most: 12_845_056)
    let third = PatchTransform(patch: 16, least: 65_536, most: 16_777_216)
    #expect(second.tokens(of: try second.grid(height: 480, width: 640, path: "a")) == 391)
    #expect(third.tokens(of: try third.grid(height: 480, width: 640, path: "a")) == 300)
    let size = try second.size(height: 480, width: 640, path: "a")
    #expect(size == (476, 644))
    expectRefusal("a.png", "200 times") { _ = try second.grid(height: 1, width: 201, path: "a.png") }
    #expect(try second.size(height: 1, width: 200, path: "a").height == 28)
  }

  private func encoder(_ prompts: Prompts) throws -> ExampleEncoder {
    let tokenizer = try Tokenizer(folder: folder)
    var encoder = ExampleEncoder(tokenizer, end: nil)
    let images = ImageTokens(
      id: prompts.image, mark: "<|image_pad|>", preparation: .patches(transform), layout: layout, video: "<|video_pad|>"
    )
    encoder.images = images
    let source = try String(contentsOfFile: folder + "/chat_template.jinja", encoding: .utf8)
    var template = try InterpretedTemplate(source, path: "chat_template.jinja", tokenizer: tokenizer)
    template.imageMark = images.shown
    encoder.template = .interpreted(template)
    return encoder
  }

  private func prompts() throws -> Prompts {
    try JSONDecoder().decode(Prompts.self, from: Data(contentsOf: URL(filePath: folder + "/prompts.json")))
  }

  @Test func promptsEqualTheProcessors() throws {
    let prompts = try prompts(), encoder = try encoder(prompts)
    try withFile("", name: "empty") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      #expect(prompts.cases.count == 6)
      for (number, wanted) in prompts.cases.enumerated() {
        var paths = [String]()
        for (index, size) in wanted.images.enumerated() {
          paths.append("\(folder)/\(number)-\(index).png")
          try image(height: size[0], width: size[1]).writePNG(to: paths[index])
        }
        // As records have them: a line break behind an image's mark.
        let messages = wanted.messages?.map { message in
          ChatMessage(message.role, message.content.map { $0.type == "image" ? "<image>\n" : $0.text ?? "" }.joined())
        }
        let content = messages.map { Record.Content.messages($0) } ?? .promptCompletion(wanted.prompt ?? "", "")
        let example = try encoder.encode(Record(content, images: paths, source: "line"))
        #expect(example.ids == wanted.ids, "case \(number)")
        #expect(example.images.map(\.path) == paths)
        for (shown, placed) in zip(
          example.images, try #require(encoder.images).prepared(example.images, source: "line"))
        {
          let grid = try #require(placed.image.grid)
          #expect(shown.count == grid.rows * grid.columns / 4 && !grid.hasWhole)
          #expect(shown.tokens.allSatisfy { example.ids[$0] == prompts.image && !example.supervised[$0] })
        }
      }
    }
  }

  /// Images without a mark stand first, between the two marks and without a line break.
  @Test func marksAreWrittenWhereNoneStand() throws {
    let prompts = try prompts(), encoder = try encoder(prompts)
    try withFile("", name: "empty") { path in
      let file = URL(filePath: path).deletingLastPathComponent().path + "/a.png"
      try image(height: 12, width: 20).writePNG(to: file)
      func ids(_ prompt: String) throws -> [Int32] {
        try encoder.encode(Record(.promptCompletion(prompt, ""), images: [file], source: "line")).ids
      }
      let framed = "<|vision_start|><|image_pad|><|vision_end|>"
      #expect(try ids("Where?") == ids(framed + "Where?"))
      #expect(try ids("<image>\nWhere?") == ids(framed + "\nWhere?"))
      expectRefusal("line", "<|video_pad|>") { _ = try ids("<|video_pad|>Where?") }
      expectRefusal("images", "stands in the text, 2") { _ = try ids("<image> or <image>?") }
      // Spans count characters of the text as it is written.
      let spans = Record(.text("<image> 12"), images: [file], spans: ["n": [8..<10]], source: "line")
      expectRefusal("spans", "<|vision_start|><|image_pad|><|vision_end|>") { _ = try encoder.encode(spans) }
    }
  }

  @Test func otherConfigurationsAreRefused() throws {
    func read(_ changes: (String, JSON)...) throws -> PatchTransform {
      guard case .object(var object) = try JSONReader(file: folder + "/preprocessor_config.json").value else {
        return transform
      }
      for (key, value) in changes { object[key] = value }
      return try PatchTransform(JSONReader(.object(object), path: "p.json"), frames: 2)
    }
    #expect(try read(("image_processor_type", "Qwen2VLImageProcessorFast")) == transform)
    // Older folders have other keys for the bounds, which win.
    let old = try read(("min_pixels", 512), ("max_pixels", 1024))
    #expect((old.least, old.most) == (512, 1024))
    #expect(try read(("size", .null)).most == 28 * 28 * 1280)
    expectRefusal("image_processor_type", "Qwen2VLImageProcessor") {
      _ = try read(("image_processor_type", "CLIPImageProcessor"))
    }
    expectRefusal("do_resize", "true") { _ = try read(("do_resize", false)) }
    expectRefusal("size.longest_edge", "expected") { _ = try read(("size", ["shortest_edge": 3])) }
    expectRefusal("size.longest_edge", "at least 9") {
      _ = try read(("size", ["shortest_edge": 9, "longest_edge": 8]))
    }
    expectRefusal("max_pixels", "a number of pixels") { _ = try read(("max_pixels", .int(1 << 40))) }
    expectRefusal("temporal_patch_size", "2, as the vision tower") { _ = try read(("temporal_patch_size", 1)) }
    expectRefusal("patch_size", "a whole number of 1") { _ = try read(("patch_size", 0)) }
    expectRefusal("rescale_factor", "1/255") { _ = try read(("rescale_factor", 1.0)) }
    expectRefusal("image_std", "other than 0") { _ = try read(("image_std", [0.5, 0, 0.5])) }
  }
}
