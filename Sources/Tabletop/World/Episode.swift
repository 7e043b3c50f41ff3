// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// VIMABench's thirteen training tasks, as this project's own tabletop has them.
public enum TaskKind: String, Sendable, Hashable, Codable, CaseIterable {
  case visualManipulation = "visual_manipulation"
  case sceneUnderstanding = "scene_understanding"
  case rotate
  case rearrange
  case rearrangeThenRestore = "rearrange_then_restore"
  case novelAdjective = "novel_adj"
  case novelNoun = "novel_noun"
  case twist
  case followOrder = "follow_order"
  case sweep = "sweep_without_exceeding"
  case sameShape = "same_shape"
  case oldNeighbor = "manipulate_old_neighbor"
  case pickInOrder = "pick_in_order_then_restore"

  /// Tool of the robot.
  public var tool: EndEffector { self == .sweep ? .spatula : .suction }
}

/// Which episodes: those learnt from, and those asked.
public enum EpisodeSplit: String, Sendable, Hashable, Codable, CaseIterable {
  case train
  /// For choosing while training; drawn like ``train``.
  case valid
  /// New placements of pairs of texture and shape that training has (VIMABench: placement generalisation).
  case placement = "L1"
  /// Pairs of texture and shape that training never has (VIMABench: combinatorial generalisation).
  case combination = "L2"

  var stream: UInt64 {
    switch self {
    case .train: 1
    case .valid: 2
    case .placement: 3
    case .combination: 4
    }
  }
}

/// One task on one table, with what solves it.
public struct Episode: Sendable, Hashable {
  /// Its task.
  public var kind: TaskKind
  /// Its split.
  public var split: EpisodeSplit
  /// Its number within task and split.
  public var seed: Int
  /// The task with its slots.
  public var task: TaskPrompt
  /// The table at the beginning.
  public var scene: TableScene
  /// What must be reached, one after the other.
  public var stages: [Stage]
  /// Actions that reach it, to three decimals: what they lead to is what their sentences lead to.
  public var oracle: [NamedAction]

  /// `train/rotate/12`
  public var name: String { "\(split.rawValue)/\(kind.rawValue)/\(seed)" }

  /// The table as the oracle's actions leave it: at the beginning, and after each of them.
  public var scenes: [TableScene] {
    var play = EpisodePlay(self)
    return [scene]
      + oracle.map {
        play.take($0.action)
        return play.scene
      }
  }

  /// The episode of a kind, split and seed; always the same.
  ///
  /// A table is drawn again (from the next stream) while objects find no room or the oracle does not succeed on it.
  public init(_ kind: TaskKind, _ split: EpisodeSplit, seed: Int) {
    let number = UInt64(TaskKind.allCases.firstIndex(of: kind) ?? 0)
    for attempt in 0... {
      let generator = CounterGenerator(split.stream, number, UInt64(bitPattern: Int64(seed)), UInt64(attempt))
      var builder = EpisodeBuilder(generator, split)
      if let plan = try? builder.plan(kind), let episode = Self(plan, builder, kind, split, seed) {
        self = episode
        return
      }
      precondition(attempt < 10_000, "no table for \(kind) \(seed)")
    }
    preconditionFailure("unreachable")
  }

  private init?(_ plan: Plan, _ builder: EpisodeBuilder, _ kind: TaskKind, _ split: EpisodeSplit, _ seed: Int) {
    (self.kind, self.split, self.seed) = (kind, split, seed)
    (task, scene, stages) = (plan.task, TableScene(builder.objects), plan.stages)
    var table = scene
    oracle = []
    for move in plan.moves {
      let object = table.objects[move.object]
      let start = FrontView.imagePoint(object.place)
      let action = ManipulationAction(
        kind.tool, start: start, end: FrontView.imagePoint(move.target), rotation: wrapped(move.rotation)
      ).asWritten
      oracle.append(NamedAction(action, object: object.name))
      guard table.apply(action).contains(move.object) else { return nil }
    }
    var play = EpisodePlay(self)
    for action in oracle { play.take(action.action) }
    // With its last action, not before: all of them are needed.
    guard play.isSuccess, play.steps == oracle.count else { return nil }
  }
}

/// An episode being played.
public struct EpisodePlay: Sendable {
  /// What is played.
  public let episode: Episode
  /// The table as it is.
  public private(set) var scene: TableScene
  /// Actions taken.
  public private(set) var history: [ManipulationAction] = []
  /// How much has been reached at best, 0 … 1: never falls, and is 1 at success alone.
  public private(set) var reward = 0.0
  /// Steps that were tried, those without an action included.
  public private(set) var steps = 0
  /// Steps that may be tried: eight, as in LLaRA's evaluation.
  public let limit: Int
  private var stagesReached = 0

  /// The beginning of an episode.
  public init(_ episode: Episode, limit: Int = 8) {
    (self.episode, self.limit) = (episode, limit)
    scene = episode.scene
  }

  /// Whether everything was reached, in order.
  public var isSuccess: Bool { stagesReached == episode.stages.count }
  /// Whether nothing more can be tried.
  public var isOver: Bool { isSuccess || steps >= limit }

  /// Takes an action; nil for an answer without one, which costs a step.
  public mutating func take(_ action: ManipulationAction?) {
    guard !isOver else { return }
    steps += 1
    guard let action else { return }
    scene.apply(action)
    history.append(action)
    if episode.stages[stagesReached].isReached(in: scene) { stagesReached += 1 }
    reward = max(reward, share)
  }

  /// Stages reached, and of the next one the goals that hold.
  private var share: Double {
    var share = Double(stagesReached)
    if !isSuccess {
      let goals = episode.stages[stagesReached].goals
      share += Double(goals.count { $0.holds(in: scene) }) / Double(goals.count + 1)
    }
    return share / Double(episode.stages.count)
  }

  /// Observation of the policy: the prompt of the next step.
  public func prompt(_ template: PromptTemplate) -> String {
    template.prompt(episode.task, tool: episode.kind.tool, scene: scene.described, history: history)
  }
}
