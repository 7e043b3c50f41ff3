// SPDX-License-Identifier: Apache-2.0
import TaskData
import Evaluation
import Files
import Foundation
import Recipes
import Reports
import Testing
import TokenData

@Suite struct GroundingTests {
  static let data = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../../shared/data").standardized.path
  static let hasPhotographs = fileExists(data + "/bccd/expressions.jsonl")
  static let hasRefs = fileExists(data + "/refcocos/refcocos_test.jsonl")

  private func row(_ json: String) throws -> ReferringRow {
    try ReferringRow(JSONReader(JSON(parsing: json, path: "row"), path: "row"), source: "row 1")
  }

  private func message(_ json: String) -> String {
    do { return "read: \(try row(json))" } catch { return "\(error)" }
  }

  @Test func cornersAndSizesAreTheSameBox() throws {
    let corners = try row(
      #"{"image": "a.jpg", "sent": " the  left cup ", "bbox": [10, 20, 110, 70.5], "width": 640, "height": 480}"#)
    #expect(corners.expression == "the left cup")
    #expect(corners.id == "row 1")
    #expect(!corners.wasCut)
    #expect(corners.split == nil)
    #expect(corners.box == BoundingBox([10, 20, 110, 70.5]))
    let size = try row(
      #"{"file_name": "a.jpg", "caption": "x", "bbox_xywh": [10, 20, 100, 50.5], "width": 640, "height": 480, "id": 7}"#
    )
    #expect(size.box == corners.box)
    #expect(size.id == "7")
    let cut = try row(#"{"image": "a", "sent": "x", "bbox": [-5, 20, 700, 70], "width": 640, "height": 480}"#)
    #expect(cut.wasCut)
    #expect(cut.box == BoundingBox([0, 20, 640, 70]))
  }

  @Test func whatIsNoRowIsSaidWithItsKey() {
    let rest = #""sent": "x", "width": 640, "height": 480"#
    #expect(message("{\"image\": \"a\", \"bbox\": [10, 20, 5, 70], \(rest)}").contains("call it bbox_xywh"))
    #expect(message("{\"image\": \"a\", \"bbox\": [10, 20, 10, 70], \(rest)}").contains("x1 < x2"))
    #expect(message("{\"image\": \"a\", \"bbox\": [700, 20, 710, 70], \(rest)}").contains("640 x 480"))
    #expect(message("{\"image\": \"a\", \"bbox\": [1, 2, 3], \(rest)}").contains("four numbers"))
    #expect(message("{\"image\": \"a\", \(rest)}").contains("bbox or bbox_xyxy"))
    #expect(message("{\"bbox\": [1, 2, 3, 4], \(rest)}").contains("image or file_name"))
    #expect(message(#"{"image": "a", "sent": " ", "bbox": [1, 2, 3, 4], "width": 9, "height": 9}"#).contains("sent"))
    #expect(message(#"{"image": "a", "sent": "x", "bbox": [1, 2, 3, 4], "width": 0, "height": 9}"#).contains("width"))
  }

  /// D.3 (docs/paper-map.md Q29): x and y are scaled separately, rounded, and cut off at 1023.
  @Test func answersLieOnAGridOf1024() throws {
    let template = GroundingTemplate()
    let row = try row(#"{"image": "a", "sent": "x", "bbox": [0, 10, 640, 479], "width": 640, "height": 480}"#)
    #expect(template.prompt(row) == "Where is x? Answer with its box [x1, y1, x2, y2].")
    #expect(template.answer(row) == "[0, 21, 1023, 1022]")
    let box = try #require(template.box(template.answer(row), for: row))
    #expect(row.box.intersectionOverUnion(box) > 0.99)
  }

  @Test(
    arguments: [
      ("[0, 0, 512, 512]", [0.0, 0, 320, 240]), ("The box is 0,0,512,512.", [0, 0, 320, 240]),
      ("(0.0 0.0) (512.0 512.0) and 7", [0, 0, 320, 240]), ("[512, 0, 0, 512]", nil), ("[1, 2, 3]", nil),
      ("nowhere", nil), ("", nil), ("[1, 2, 3, -]", nil), ("[1.2.3, 2, 3, 4]", nil),
      ("x1=0, y1=0, x2=512, y2=512", [0, 0, 320, 240]),
    ] as [(String, [Double]?)])
  func firstFourNumbersAreTheBox(answer: String, corners: [Double]?) throws {
    let row = try row(#"{"image": "a", "sent": "x", "bbox": [0, 10, 640, 479], "width": 640, "height": 480}"#)
    #expect(GroundingTemplate().box(answer, for: row) == corners.flatMap { BoundingBox($0) })
  }

  /// Qwen2.5-VL counts pixels of the resized image (640 x 480 become 644 x 476), Qwen3-VL thousandths.
  @Test func boxesOfQwenAreWrittenItsWay() throws {
    let row = try row(#"{"image": "a", "sent": "x", "bbox": [64, 0, 640, 240], "width": 640, "height": 480}"#)
    let pixels = GroundingTemplate(.pixels(PatchTransform(least: 3136, most: 12_845_056)))
    let shares = GroundingTemplate(.thousandths)
    #expect(pixels.prompt(row) == "Locate x, output its bbox coordinates using JSON format.")
    #expect(pixels.answer(row) == #"{"bbox_2d": [64, 0, 644, 238]}"#)
    #expect(shares.answer(row) == #"{"bbox_2d": [100, 0, 1000, 500]}"#)
    for (template, said) in [
      (pixels, "```json\n[{\"bbox_2d\": [64, 0, 644, 238], \"label\": \"2 cups\"}]\n```"),
      (pixels, "(64, 0), (644, 238)"),
      (shares, #"[{"label": "x", "bbox_2d": [100, 0, 1000, 500]}]"#),
    ] {
      let box = try #require(template.box(said, for: row))
      #expect(row.box.intersectionOverUnion(box) > 0.99, "\(said)")
    }
    #expect(pixels.box(#"{"bbox_2d": [1, 2, 3]}"#, for: row) == nil)
    for (family, named) in [
      (VisionFamily.qwen25, NamedBoxes.pixels(PatchTransform(patch: 4, least: 256, most: 3840))),
      (.qwen3, .thousandths),
    ] {
      let seeing = try VisionRun(family)
      #expect(try withExtendedLifetime(seeing) { try NamedBoxes(model: seeing.model) } == named)
    }
    let llava = try VisionRun(.llava)
    #expect {
      try withExtendedLifetime(llava) { try NamedBoxes(model: llava.model) }
    } throws: {
      "\($0)".contains("qwen2_5_vl or qwen3_vl")
    }
  }

  /// Overlaps worked out by hand: the right box is 0 … 320 of 640 in x and all of y.
  @Test func figuresCountWhatIsFound() throws {
    let row = try row(#"{"image": "a", "sent": "x", "bbox": [0, 0, 320, 480], "width": 640, "height": 480}"#)
    let answers = ["[0, 0, 512, 1024]", "[0, 0, 256, 1024]", "[0, 0, 250, 1024]", "no idea"]
    let outcomes = answers.map { GroundingOutcome(row, answer: $0) }
    #expect(outcomes.map { ($0.overlap * 1000).rounded() } == [1000, 500, 488, 0])
    let figures = GroundingFigures("val", outcomes)
    // A half is found (section 3.2).
    #expect(figures.accuracy == 0.5)
    #expect(figures.unparsed == 1)
    #expect(figures.count == 4)
    #expect(figures.curve.first?.share == 0.75)
    #expect(figures.curve.last?.share == 0.25)
    // scipy.stats.binomtest(2, 4).proportion_ci(method="wilson"), and 0 of 8
    #expect(abs(figures.interval.low - 0.15003898915214953) < 1e-12)
    #expect(abs(figures.interval.high - 0.8499610108478505) < 1e-12)
    let none = ConfidenceInterval.share(0, of: 8)
    #expect(none.low == 0)
    #expect(abs(none.high - 0.32440756488388023) < 1e-12)
    for count in 1...40 {
      #expect(ConfidenceInterval.share(0, of: count).low == 0)
      #expect(ConfidenceInterval.share(count, of: count).high == 1)
    }
    let results = outcomes.results.text()
    #expect(results.hasPrefix(#"[{"answer":"[0, 0, 512, 1024]","gt_bbox":[0"#))
    #expect(results.contains(#""hw":[480,640]"#))
  }

  /// Every scene has an expression of either kind that singles out one shape, painted where its box says.
  @Test func renderedScenesShowWhatTheySay() throws {
    let scenes = RenderedScenes(side: 96, seed: 3)
    var expressions = Set<String>()
    for index in 0..<60 {
      let scene = scenes.scene(index)
      #expect(scene.questions.map(\.isByPlace) == [false, true])
      for question in scene.questions {
        expressions.insert(question.expression)
        let box = question.box
        #expect(box.x1 >= 0)
        #expect(box.y1 >= 0)
        #expect(box.x2 <= 96)
        #expect(box.y2 <= 96)
        #expect(box.area >= 49)
        // The middle of a shape is far from gray.
        let (x, y) = (Int((box.x1 + box.x2) / 2), Int((box.y1 + box.y2) / 2))
        let pixel = scene.image.bytes[3 * (y * 96 + x)..<3 * (y * 96 + x) + 3].map(Int.init)
        #expect((pixel.max() ?? 0) - (pixel.min() ?? 0) > 60, "scene \(index): \(pixel)")
      }
    }
    #expect(expressions.count > 30)
    // A shape alone is told by its look, and plain scenes have such; their least box is 2 · 9 + 1 pixels wide.
    let plain = (0..<60).map { RenderedScenes.plain(side: 96, seed: 3).scene($0).questions }
    #expect(plain.contains { $0.map(\.isByPlace) == [false] })
    #expect(plain.flatMap { $0 }.map { $0.box.x2 - $0.box.x1 }.min() == 19)
    #expect(scenes.scene(7).image == RenderedScenes(side: 96, seed: 3).scene(7).image)
    #expect(scenes.scene(7).image != RenderedScenes(side: 96, seed: 4).scene(7).image)
  }

  @Test func dataAndReportsAreWritten() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ground-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let rows = try RenderedScenes(side: 64).write(0..<5, split: "val", to: folder)
    #expect(try GroundingData(rows).write(to: folder).map(\.count) == [10])
    let dataset = try JSONLFile(folder + "/valid.jsonl")
    let first = try dataset.record(0)
    #expect(try first.string(at: "completion") == GroundingTemplate().answer(rows[0]))
    #expect(try first.at("images").elements()[0].string() == "pictures/0.png")
    // What was written is read again as rows.
    let again = try GroundingData([folder + "/valid.jsonl"], images: nil, skipsBad: false)
    #expect(again.rows.count == 1 && again.rows[0].rows == rows)
    try FileManager.default.removeItem(atPath: folder + "/pictures/3.png")
    #expect(throws: InputError.self) {
      try GroundingData([folder + "/valid.jsonl"], images: nil, skipsBad: false)
    }
    let rest = try GroundingData([folder + "/valid.jsonl"], images: nil, skipsBad: true)
    #expect(rest.skipped.count == 2 && rest.skipped[0].contains("line 7") && rest.rows[0].rows.count == 8)
    let outcomes = rows.map { GroundingOutcome($0, answer: GroundingTemplate().answer($0)) }
    let records = zip(rows, outcomes).map { row, outcome in
      PredictionRecord(
        id: row.id, prompt: "", reference: "", text: outcome.answer, truth: [], values: nil, finish: .stop)
    }
    let judged = try GroundingEvaluation.outcomes(records, rows: rows, path: "valid.jsonl")
    #expect(judged.map(\.overlap) == outcomes.map(\.overlap))
    #expect(throws: InputError.self) {
      try GroundingEvaluation.outcomes(records, rows: Array(rows.dropLast()), path: "valid.jsonl")
    }
    let report = GroundingReport(model: "oracle", [("val", outcomes)])
    #expect(report.figures[0].accuracy == 1)
    try report.write(to: folder, command: "dist2 evaluate")
    #expect(try String(contentsOfFile: folder + "/grounding.html", encoding: .utf8).contains("data:image/png"))
    #expect(try JSONReader(file: folder + "/grounding-val.json").elements().count == 10)
  }

  @Test(.enabled(if: hasPhotographs, "the photographs with human boxes are not beside the checkout"))
  func photographsWithHumanBoxesAreRead() throws {
    let folder = Self.data + "/bccd"
    let data = try GroundingData([folder + "/expressions.jsonl"], images: folder + "/images", skipsBad: false)
    #expect(Set(data.rows.map(\.split)) == ["train", "val", "test"])
    #expect(data.skipped.isEmpty)
    let template = GroundingTemplate()
    for row in data.rows.flatMap(\.rows) {
      let box = try #require(template.box(template.answer(row), for: row))
      // A step of the grid is 0.6 pixels; the smallest boxes are some ten pixels wide.
      #expect(row.box.intersectionOverUnion(box) > 0.9, "\(row)")
    }
  }

  @Test(.enabled(if: hasRefs, "the referring expressions are not beside the checkout"))
  func humanExpressionsAreRead() throws {
    let file = try JSONLFile(Self.data + "/refcocos/refcocos_test.jsonl")
    var found = 0
    for index in 0..<file.count {
      let object = try file.record(index)
      // Some expressions mean nothing in their image.
      guard try !object.at("categories").bool(at: "empty_case") else {
        #expect(throws: InputError.self) { try ReferringRow(object, source: file.name(index)) }
        continue
      }
      let row = try ReferringRow(object, source: file.name(index))
      #expect(!row.expression.isEmpty)
      #expect(row.box.area > 0)
      found += 1
    }
    #expect(file.count == 506)
    #expect(found > 400)
  }
}
