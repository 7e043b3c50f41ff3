// SPDX-License-Identifier: Apache-2.0
import Experiments
import TaskData
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Tabletop
import Testing
import TokenData

/// Manipulation by a model that sees: its data, its policy, its experiment.
@Suite struct SeenManipulationTests {
  private let tiny: TinyManipulation
  private let model: String
  private let template = PromptTemplate(rules: false)

  init() throws {
    tiny = try TinyManipulation()
    model = try tiny.seeing()
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing"
    } catch { return "\(error)" }
  }

  /// Each line names the table at its step, and is taken as it is by a model that sees.
  @Test func linesNameTheTableAtTheirStep() throws {
    let kinds: [TaskKind] = [.followOrder, .rotate, .sweep], folder = tiny.folder + "/data"
    let data = ManipulationData(
      ExampleWriter(template: template, auxiliary: AuxiliaryTask.allCases, ratio: 2), kinds: kinds)
    let count = try data.write(.train, episodes: 6, to: folder + "/train.jsonl")
    let settings = try RunSettings(
      file: configsFolder + "/manipulation/text.yaml",
      overrides: [
        "model=\"\(model)\"", "data.folder=\"\(folder)\"", "data.train=", "data.valid=", "data.maxLength=4096",
      ])
    let artifacts = try RunArtifacts(settings), dataset = try artifacts.dataset(folder + "/train.jsonl")
    #expect(dataset.count == count)
    #expect(dataset.summary.skippedCount == 0)
    let scenes = Dictionary(
      uniqueKeysWithValues: kinds.flatMap { kind in (0..<2).map { Episode(kind, .train, seed: $0) } }
        .map { ($0.name, $0.scenes) })
    var later = 0, detected = 0, files = Set<String>()
    for index in 0..<count {
      let record = try dataset.record(index), id = try #require(record.id)
      guard case .promptCompletion(let prompt, let answer?) = record.content else { continue }
      #expect(prompt.ranges(of: "<image>").count == 1)
      #expect(!prompt.contains("<image0>"))
      let example = try dataset.example(index)
      #expect(example.images.map(\.count) == [4])
      #expect(record.images.count == 1)
      let path = try #require(record.images.first), image = try PixelImage(file: path)
      files.insert(URL(fileURLWithPath: path).lastPathComponent)
      // `train/rotate/1_0` by its step; `obj_det/train/rotate/1_3` by the boxes it answers with.
      let artifacts = id.split(separator: "/"), last = artifacts[artifacts.count - 1].split(separator: "_")
      let tables = try #require(scenes[(artifacts.suffix(3).dropLast() + [last[0]]).joined(separator: "/")])
      if artifacts.count == 3 {
        let step = try #require(Int(last[1]))
        #expect(image == tables[step].image)
        later += step > 0 ? 1 : 0
      } else if artifacts[0] == "obj_det" {
        let shown = tables.filter { $0.described.map(\.withoutHeading).sceneText == answer.trimmed }
        #expect(shown.map(\.image).contains(image))
        detected += 1
      } else if artifacts[0] == "act_pred" {
        // The answer's action begins where its object is seen.
        let table = try #require(tables.first { $0.image == image })
        let start = try #require(ParsedAnswer(answer).actions.first).start
        #expect(table.objects.contains { $0.box.contains(start) && answer.contains($0.name) })
      }
    }
    #expect(later >= 2)
    #expect(detected >= 6)
    // Nothing lies there that no line names.
    #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder + "/pictures")) == files)
  }

  /// Scenes of the task say how their objects are turned only where that is asked for.
  @Test func headingsAreOptional() {
    let play = EpisodePlay(Episode(.twist, .train, seed: 0))
    #expect(!play.prompt(PromptTemplate()).contains("turned"))
    #expect(play.prompt(PromptTemplate(headings: true)).contains("turned <r>["))
    #expect(play.prompt(PromptTemplate(headings: true)).hasPrefix("<image0>\n"))
  }

  @Test func policyLooks() throws {
    let folder = tiny.folder + "/seen"
    try makeFolders(folder)
    let scenes = (0..<2).map { Episode(.rotate, .placement, seed: $0).scene }
    for (index, scene) in scenes.enumerated() { try scene.image.writePNG(to: "\(folder)/\(index).png") }
    try AtomicFile.write(try scenes[0].image.png().prefix(200), to: folder + "/cut.png")
    let choice = try ModelChoice(model, overrides: ["evaluate.maxNewTokens=8"])
    let policy = try ManipulationPolicy(choice, template: template)
    func line(_ id: Int, _ rest: String) -> String { "{\"id\": \(id), \(rest)}" }
    let task = "\"task\": \"Rotate it.\""
    let lines = [
      line(0, "\(task), \"image\": \"\(folder)/0.png\""), line(1, "\(task), \"image\": \"\(folder)/1.png\""),
      line(2, task), line(3, "\(task), \"image\": \"\(folder)/none.png\""),
      line(4, "\(task), \"image\": \"\(folder)/cut.png\""), line(5, "\(task), \"image\": 7"),
      line(6, "\"text\": \"<image0>\\n<task>Rotate it.</task>\\n\", \"image\": \"\(folder)/0.png\""),
      line(7, "\"text\": \"Rotate it.\", \"image\": \"\(folder)/0.png\""), line(8, "\"text\": \"Rotate it.\""),
    ]
    let answers = try policy.answers(to: lines, from: 11).map {
      JSONReader(try JSON(parsing: $0, path: "answer"), path: "answer")
    }
    let texts = try [0, 1, 6].map { try answers[$0].string(at: "answer") }
    #expect(texts[0] != texts[1] && texts[0] == texts[2])
    for (index, words) in [
      (2, ["line 13", "image", "<image0>"]), (3, ["line 14", "none.png"]), (4, ["line 15", "cut.png"]),
      (5, ["line 16", "image"]), (7, ["line 18", "<image0>", "--observation image"]),
    ] {
      let error = try answers[index].string(at: "error")
      for word in words { #expect(error.contains(word), "\(error)") }
    }
    #expect(try answers[8].ifPresent("error") == nil)
    // A damaged image spoils no other answer.
    #expect(policy.answers(to: [lines[1]], from: 1) == [answers[1].value.text()])
    // Models that read alone.
    let blind = try ModelChoice(tiny.model)
    let refused = refusal { _ = try ManipulationPolicy(blind, template: template) }
    #expect(refused.contains("text alone"), "\(refused)")
    #expect(refused.contains("new-vlm"), "\(refused)")
    let reads = try ManipulationPolicy(blind, template: PromptTemplate(observation: .boxes))
    #expect(reads.answers(to: [lines[0]], from: 1)[0].contains("text alone"))
  }

  @Test func experimentsSee() throws {
    var experiment = ManipulationExperiment(.tiny, model: model, observation: .image)
    (experiment.grid.variants, experiment.maxNewTokens, experiment.answers) = (["sft", "dist"], 8, 2)
    let folder = tiny.folder + "/out", kept = try ExperimentFolder(folder, experiment)
    let names = experiment.grid.runs.map(\.name)
    for name in names { try kept.run(one: name, threads: 1) }
    let outcomes = try names.compactMap { try kept.outcome($0) }
    #expect(outcomes.count == 2)
    #expect(outcomes.allSatisfy { $0.trials.count == 4 && $0.examples == 4 })
    #expect(outcomes.allSatisfy { $0.losses.allSatisfy(\.isFinite) && $0.trials.allSatisfy { $0.answers == 2 } })
    // Images go when the run is done.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/data").isEmpty)
    let report = try kept.report(command: "dist2 reproduce manipulation --observation image")
    #expect(report.markdown.contains("seen as images of 256 x 128 pixels"))
    let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
    #expect(page.contains("data:image/png"))
    #expect(page.contains("&lt;image0&gt;"))
    // A run made again is the same; another observation is another experiment.
    try kept.run(one: names[1], threads: 1)
    let again = try #require(try kept.outcome(names[1]))
    #expect(again.losses == outcomes[1].losses && again.trials == outcomes[1].trials)
    experiment.observation = .boxes
    #expect(throws: InputError.self) { try ExperimentFolder(folder, experiment) }
  }

  @Test func modelsThatDoNotSeeAreRefused() throws {
    let experiment = ManipulationExperiment(.tiny, model: tiny.model, observation: .image)
    let folder = tiny.folder + "/blind"
    let words = refusal { _ = try ExperimentFolder(folder, experiment) }
    #expect(words.contains("text alone"), "\(words)")
    #expect(words.contains("dist2 new-vlm"), "\(words)")
    #expect(!fileExists(folder))
  }

  /// Settings are read back as they were written, of text and of images.
  @Test func settingsAreReadBack() throws {
    for observation in [PromptTemplate.Observation.boxes, .image] {
      let written = ManipulationExperiment(.small, model: "m", observation: observation)
      let read = try JSONDecoder().decode(ManipulationExperiment.self, from: JSONEncoder().encode(written))
      #expect(read == written)
      #expect(read.observation == observation)
    }
    #expect(ManipulationExperiment(.small, model: "m").observation == .boxes)
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
