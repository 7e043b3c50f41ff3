// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tabletop
import Testing

/// Real episodes of VIMABench beside the checkout; not part of the repository.
private enum Recorded {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
  static let paths = [folder, folder + "/..", folder + "/../.."].map { $0 + "/shared/data/vima_demo" }
  static let path = paths.first { FileManager.default.fileExists(atPath: $0 + "/train.jsonl") }

  static func episodes() throws -> [RecordedEpisode] {
    try ["train", "test_L1"].flatMap { name -> [RecordedEpisode] in
      let file = "\(try #require(path))/\(name).jsonl"
      return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map { line in
        try RecordedEpisode(JSONReader(JSON(parsing: String(line), path: file), path: file))
      }
    }
  }
}

/// The format held against 130 recorded episodes.
@Suite(.enabled(if: Recorded.path != nil, "shared/data/vima_demo is not beside the checkout"))
struct RecordedEpisodeTests {
  @Test func thereAreAllKinds() throws {
    let episodes = try Recorded.episodes()
    #expect(episodes.count == 130)
    #expect(Set(episodes.map(\.kind)) == Set(TaskKind.allCases.map(\.rawValue)))
    for episode in episodes {
      let kind = try #require(TaskKind(rawValue: episode.kind))
      #expect(kind.tool == episode.tool)
    }
  }

  /// Template and assets, taken apart and put together, give LLaRA's D-inBC text character for character.
  @Test func taskTextsMatch() throws {
    for episode in try Recorded.episodes() {
      #expect(episode.task.textWithBoxes() == episode.taskText)
      let prompt = PromptTemplate().prompt(episode.task, tool: episode.tool)
      #expect(
        prompt == "<image0>\n<task>\(episode.taskText)</task>\n" + PromptTemplate.rules(episode.tool))
      #expect(!PromptTemplate(assets: .names).prompt(episode.task, tool: episode.tool).contains("{0."))
    }
  }

  /// Recorded metres become the recorded answer line, and the line becomes the metres within a pixel.
  @Test func answersMatchAndComeBack() throws {
    for episode in try Recorded.episodes() {
      for step in episode.steps {
        let parsed = ParsedAnswer(step.actionText, tool: episode.tool)
        #expect(parsed.problem == nil)
        #expect(parsed.clipped == 0)
        #expect(parsed.actions.count == 1)
        let action = try #require(parsed.actions.first)
        #expect(action.rotation == step.rotation)
        for (point, place) in [(action.start, step.start), (action.end, step.end)] {
          let back = FrontView.tablePoint(point)
          #expect(abs(back.forward - place.forward) <= FrontView.rounding.forward)
          #expect(abs(back.side - place.side) <= FrontView.rounding.side)
        }
        // Our writing of the same action is the recorded line.
        let name = try #require(step.actionText.firstMatch(of: /<p>(.+?)<\/p>/)?.1)
        let exact = ManipulationAction(
          episode.tool, start: FrontView.imagePoint(step.start), end: FrontView.imagePoint(step.end),
          rotation: step.rotation)
        #expect(NamedAction(exact, object: String(name)).text == step.actionText)
      }
    }
  }

  /// What the recorded images show after an action is what our kinematics says of it: the object that is held turns
  /// clockwise about the start and comes to stand at the end. There objects lean, fall, stack and are pushed, and an
  /// image's box holds their height as well, so some steps differ (11 of 99); turned the other way many more would.
  @Test func kinematicsAgreesWithTheRecordings() throws {
    let clockwise = try agreement(turning: 1), other = try agreement(turning: -1)
    #expect(clockwise.steps > 60, "\(clockwise)")
    #expect(clockwise.share > 0.85, "\(clockwise)")
    #expect(other.share < clockwise.share - 0.1, "\(other)")
  }

  /// Share of steps after which some object stands within our tolerance of where we say.
  private func agreement(turning sign: Double) throws -> (share: Double, steps: Int) {
    var near = 0, all = 0
    for episode in try Recorded.episodes() where episode.tool == .suction && episode.isSuccess {
      for (step, next) in zip(episode.steps, episode.steps.dropFirst()) {
        let angle = sign * Double(step.rotation) * .pi / 180
        let errors = zip(step.objects, next.objects).map { before, after -> Double in
          let held = FrontView.tablePoint(before.box.center), found = FrontView.tablePoint(after.box.center)
          let (x, y) = (held.side - step.start.side, held.forward - step.start.forward)
          let expected = TablePoint(
            forward: step.end.forward + x * sin(angle) + y * cos(angle),
            side: step.end.side + x * cos(angle) - y * sin(angle))
          return found.distance(to: expected)
        }
        all += 1
        if errors.min() ?? 1 <= Goal.positionTolerance { near += 1 }
      }
    }
    return (Double(near) / Double(all), all)
  }

  /// For the tasks that put one thing into another, the oracle's end lies within the container's box: what our own
  /// success asks for.
  @Test func oracleAnswersSucceedByOurConvention() throws {
    let kinds: Set = ["visual_manipulation", "scene_understanding", "novel_noun", "novel_adj", "same_shape"]
    var checked = 0
    for episode in try Recorded.episodes() where kinds.contains(episode.kind) && episode.isSuccess {
      for step in episode.steps {
        let action = try #require(ParsedAnswer(step.actionText).actions.first)
        let containers = step.objects.filter { object in Catalog.containers.contains { object.name.hasSuffix($0.name) }
        }
        #expect(containers.contains { $0.box.contains(action.end) }, "\(episode.kind) \(episode.seed)")
        checked += 1
      }
    }
    #expect(checked >= 50)
  }
}
