// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// Training example: a prompt and what it shall answer.
public struct ManipulationExample: Sendable, Hashable {
  /// `train/rotate/12_0`: split, kind, seed and step; auxiliary tasks say which.
  public var id: String
  /// What is read.
  public var prompt: String
  /// What is learnt.
  public var answer: String
  /// How many of the oracle's steps are done on the table that is seen.
  public var step: Int
}

/// How actions are written in answers.
public enum ActionSpelling: Sendable, Hashable, Codable {
  /// LLaRA's sentences, all remaining steps.
  case sentences
  /// RT-2 like bins, all remaining steps.
  case bins(ActionBins)

  /// The answer that holds these actions, counted on from those already done.
  public func answer(_ actions: [NamedAction], after done: Int) -> String {
    switch self {
    case .sentences: actions.answer(after: done)
    case .bins(let bins):
      actions.enumerated().map { "Step \(done + $0.offset + 1): \(bins.text($0.element.action))" }
        .joined(separator: "\n")
    }
  }

  /// The actions in an answer.
  public func actions(in answer: String, tool: EndEffector) -> (actions: [ManipulationAction], problem: AnswerProblem?)
  {
    switch self {
    case .sentences:
      let parsed = ParsedAnswer(answer, tool: tool)
      return (parsed.actions, parsed.problem)
    case .bins(let bins):
      let actions = bins.actions(in: answer, tool: tool)
      return (actions, actions.isEmpty ? .noLocation : nil)
    }
  }
}

/// Turns episodes into examples, step by step as the oracle goes.
public struct ExampleWriter: Sendable {
  /// How prompts are written.
  public var template: PromptTemplate
  /// How actions are written.
  public var spelling: ActionSpelling
  /// Whether there is an example for every step, with those before it as history; else for the first alone.
  public var withHistory: Bool
  /// Auxiliary tasks that are learnt beside.
  public var auxiliary: [AuxiliaryTask]
  /// How many examples of each auxiliary task there are for one of the main task.
  public var ratio: Double

  /// Memberwise.
  public init(
    template: PromptTemplate = PromptTemplate(), spelling: ActionSpelling = .sentences, withHistory: Bool = true,
    auxiliary: [AuxiliaryTask] = [], ratio: Double = 1
  ) {
    (self.template, self.spelling, self.withHistory) = (template, spelling, withHistory)
    (self.auxiliary, self.ratio) = (auxiliary, ratio)
  }

  /// Examples of the oracle's steps, each with all steps that remain as its answer, and those of auxiliary tasks.
  public func examples(of episode: Episode) -> [ManipulationExample] {
    let name = episode.name
    var play = EpisodePlay(episode), examples = [ManipulationExample]()
    for (step, action) in episode.oracle.enumerated() {
      if step == 0 || withHistory {
        examples.append(
          ManipulationExample(
            id: "\(name)_\(step)", prompt: play.prompt(template) + "\n",
            answer: spelling.answer(Array(episode.oracle[step...]), after: step), step: step))
      }
      play.take(action.action)
    }
    return examples + auxiliaryExamples(episode, name: name, count: examples.count)
  }

  /// Drawn from all that the episode gives, as many as wanted if there are so many.
  private func auxiliaryExamples(
    _ episode: Episode, name: String, count: Int
  ) -> [ManipulationExample] {
    guard !auxiliary.isEmpty else { return [] }
    let scenes = episode.scenes.map(\.described)
    let steps = zip(episode.oracle.indices, episode.oracle).map {
      SceneStep(before: scenes[$0], action: $1, after: scenes[$0 + 1])
    }
    return auxiliary.flatMap { task in
      let byStep =
        task.needsStep
        ? steps.map { task.examples(of: $0, template.observation) }
        : scenes.map { task.examples(of: $0, template.observation) }
      let all = byStep.enumerated().flatMap { step, examples in examples.map { (step: step, example: $0) } }
      var generator = CounterGenerator(
        4, UInt64(AuxiliaryTask.allCases.firstIndex(of: task) ?? 0), UInt64(bitPattern: Int64(episode.seed)))
      let wanted = min(Int((Double(count) * ratio).rounded()), all.count)
      return generator.draw(wanted, of: all.count).map { index in
        ManipulationExample(
          id: "\(task.rawValue)/\(name)_\(index)", prompt: all[index].example.prompt + "\n",
          answer: all[index].example.answer, step: all[index].step)
      }
    }
  }
}

extension Episode {
  /// The episodes of a split, kinds in turn, so that the first hundred are among the first thousand.
  public static func list(_ split: EpisodeSplit, kinds: [TaskKind] = TaskKind.allCases, count: Int, from first: Int = 0)
    -> [(kind: TaskKind, seed: Int)]
  {
    precondition(!kinds.isEmpty, "at least one kind of task")
    return (first..<first + count).map { (kinds[$0 % kinds.count], $0 / kinds.count) }
  }
}
