// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Tabletop
import Testing

/// Properties of our own tabletop over many seeds.
@Suite struct EpisodeTests {
  static let seeds = 150

  @Test(arguments: TaskKind.allCases) func theOracleSucceeds(kind: TaskKind) throws {
    for split in EpisodeSplit.allCases {
      for seed in 0..<Self.seeds {
        let episode = Episode(kind, split, seed: seed)
        var play = EpisodePlay(episode), rewards = [0.0]
        // By what is written and read again, not by the actions themselves.
        let parsed = ParsedAnswer(episode.oracle.answer(), tool: kind.tool)
        #expect(parsed.problem == nil)
        #expect(parsed.clipped == 0)
        for action in parsed.actions {
          #expect(!play.isOver)
          play.take(action)
          rewards.append(play.reward)
        }
        #expect(play.isSuccess, "\(kind) \(split) \(seed)")
        #expect(play.reward == 1, "\(kind) \(split) \(seed)")
        #expect(rewards == rewards.sorted())
        #expect(rewards.dropLast().allSatisfy { $0 < 1 })
        #expect(play.steps == episode.oracle.count)
        #expect(play.steps <= play.limit)
      }
    }
  }

  /// Drawing places at random solves next to nothing.
  @Test(arguments: TaskKind.allCases) func aRandomPolicyRarelySucceeds(kind: TaskKind) {
    var generator = CounterGenerator(7), successes = 0
    func point() -> ImagePoint {
      ImagePoint(x: Double(generator.next(below: 256)) / 256, y: Double(34 + generator.next(below: 90)) / 128)
    }
    let episodes = 100
    for seed in 0..<episodes {
      var play = EpisodePlay(Episode(kind, .placement, seed: seed)), last = 0.0
      while !play.isOver {
        play.take(
          ManipulationAction(
            kind.tool, start: point(), end: point(), rotation: generator.next(below: 719) - 359))
        #expect(play.reward >= last)
        last = play.reward
      }
      if play.isSuccess { successes += 1 }
    }
    #expect(successes <= episodes / 10, "\(successes) of \(episodes)")
  }

  @Test func doingNothingCostsSteps() {
    var play = EpisodePlay(Episode(.rotate, .train, seed: 0), limit: 3)
    for _ in 0..<5 { play.take(nil) }
    #expect(play.isOver)
    #expect(!play.isSuccess)
    #expect(play.steps == 3)
    #expect(play.reward == 0)
    #expect(play.history.isEmpty)
  }

  @Test func equalSeedsGiveEqualEpisodes() {
    for kind in TaskKind.allCases {
      #expect(Episode(kind, .train, seed: 5) == Episode(kind, .train, seed: 5))
      let prompts = EpisodeSplit.allCases.map {
        EpisodePlay(Episode(kind, $0, seed: 5)).prompt(PromptTemplate(observation: .boxes))
      }
      #expect(Set(prompts).count == prompts.count)
    }
  }

  /// L2 asks for pairs of texture and shape that training never has; L1 does not.
  @Test func combinationsAreHeldOut() {
    for kind in TaskKind.allCases {
      for seed in 0..<60 {
        for split in [EpisodeSplit.train, .valid, .placement] {
          let objects = Episode(kind, split, seed: seed).scene.objects
          #expect(!objects.contains { Catalog.isHeldOut($0.texture, $0.shape) })
        }
      }
      // A darker shade is a texture of its own, so adjectives need not show the pair itself.
      guard kind != .novelAdjective else { continue }
      for seed in 0..<60 {
        let objects = Episode(kind, .combination, seed: seed).scene.objects
        #expect(objects.contains { Catalog.isHeldOut($0.texture, $0.shape) }, "\(kind) \(seed)")
      }
    }
  }

  /// Objects lie within the image, apart from each other.
  @Test func tablesAreTidy() {
    for kind in TaskKind.allCases {
      for seed in 0..<40 {
        let scene = Episode(kind, .train, seed: seed).scene
        for object in scene.described {
          let box = object.box
          #expect(box.center.x - box.width / 2 >= 0)
          #expect(box.center.x + box.width / 2 <= 1)
          #expect(box.center.y - box.height / 2 >= 0)
          #expect(box.center.y + box.height / 2 <= 1)
        }
        let movable = scene.objects.filter { $0.shape.role == .movable }
        for (index, object) in movable.enumerated() {
          #expect(movable[..<index].allSatisfy { $0.place.distance(to: object.place) > 0.08 })
        }
      }
    }
  }

  @Test func onlyTheTopOfAStackIsTaken() throws {
    let episode = Episode(.followOrder, .train, seed: 0)
    var play = EpisodePlay(episode)
    play.take(episode.oracle[0].action)
    let bottom = try #require(play.scene.objects.compactMap(\.support).first)
    let before = play.scene.objects[bottom]
    play.take(ManipulationAction(start: episode.oracle[0].action.end, end: ImagePoint(x: 0.9, y: 0.9), rotation: 0))
    #expect(play.scene.objects[bottom] == before)
    #expect(play.scene.objects.allSatisfy { $0.support == nil })
  }

  /// A wrong order, the wrong object or the wrong angle is no success.
  @Test func mistakesFail() {
    for seed in 0..<30 {
      let turn = Episode(.rotate, .train, seed: seed)
      var play = EpisodePlay(turn, limit: 1)
      var wrong = turn.oracle[0].action
      wrong.rotation += 20
      play.take(wrong)
      #expect(!play.isSuccess)

      let order = Episode(.pickInOrder, .train, seed: seed)
      play = EpisodePlay(order, limit: 3)
      var swapped = order.oracle.map(\.action)
      (swapped[0].end, swapped[1].end, swapped[1].start) = (swapped[1].end, swapped[0].end, swapped[1].end)
      swapped[2].start = swapped[1].end
      for action in swapped { play.take(action) }
      #expect(!play.isSuccess)

      let adjective = Episode(.novelAdjective, .train, seed: seed)
      play = EpisodePlay(adjective, limit: 1)
      let other = adjective.scene.objects[2]
      play.take(
        ManipulationAction(
          start: FrontView.imagePoint(other.place), end: adjective.oracle[0].action.end, rotation: 0))
      #expect(!play.isSuccess)
      #expect(play.reward == 0)
    }
  }

  @Test func examplesAreWritten() {
    let episode = Episode(.rearrangeThenRestore, .train, seed: 1)
    var writer = ExampleWriter(template: PromptTemplate(observation: .boxes))
    let plain = writer.examples(of: episode)
    #expect(plain.count == episode.oracle.count)
    for (step, example) in plain.enumerated() {
      #expect(example.answer.hasPrefix("Step \(step + 1): "))
      #expect(ParsedAnswer(example.answer).actions == episode.oracle[step...].map(\.action))
      #expect(example.prompt.hasPrefix("<scene><p>"))
      #expect(example.prompt.hasSuffix("\n"))
      #expect(example.prompt.contains("You have finished: Step 1") == (step > 0))
    }
    writer.withHistory = false
    #expect(writer.examples(of: episode) == Array(plain.prefix(1)))
    writer.withHistory = true
    writer.auxiliary = AuxiliaryTask.allCases
    let all = writer.examples(of: episode)
    #expect(all.count > plain.count)
    #expect(Set(all.map(\.id)).count == all.count)
    #expect(Array(all.prefix(plain.count)) == plain)
    writer.spelling = .bins(ActionBins())
    let bins = writer.spelling.actions(in: writer.examples(of: episode)[0].answer, tool: .suction)
    #expect(bins.actions.count == episode.oracle.count)
    #expect(bins.problem == nil)
    // Larger sets begin with the smaller ones.
    let few = Episode.list(.train, count: 30), many = Episode.list(.train, count: 60)
    #expect(zip(few, many).allSatisfy { $0.kind == $1.kind && $0.seed == $1.seed })
  }
}
