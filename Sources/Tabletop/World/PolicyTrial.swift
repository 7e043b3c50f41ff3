// SPDX-License-Identifier: Apache-2.0
/// How a policy did in one episode.
public struct PolicyTrial: Sendable, Hashable, Codable {
  /// Task of the episode.
  public var kind: TaskKind
  /// Its split.
  public var split: EpisodeSplit
  /// Its number.
  public var seed: Int
  /// Whether it was solved.
  public var isSuccess: Bool
  /// 0 … 1, see ``EpisodePlay/reward``.
  public var reward: Double
  /// Steps tried.
  public var steps: Int
  /// Answers asked for.
  public var answers: Int
  /// Problems of answers that could not be read to their end.
  public var problems: [AnswerProblem]
  /// Metres between the first action's start and the oracle's, and between their ends; nil without a first action.
  public var startError: Double?
  /// Metres between the first action's end and the oracle's; nil without a first action.
  public var endError: Double?
  /// Degrees between the first action's angle and the oracle's, 0 … 180; nil where the task leaves the angle open.
  public var angleError: Double?
}

/// Question to a policy at one moment of an episode.
public struct PolicyQuestion: Sendable, Hashable {
  /// `L1/rotate/3_0`: the episode, and how many actions have been taken.
  public var id: String
  /// What it reads; a line ends before the answer begins, as examples have it.
  public var prompt: String
  /// The table as it is.
  public var scene: TableScene
}

/// Lets a policy play episodes, all of them side by side, so that it can answer in batches.
public struct PolicyTest: Sendable {
  /// How prompts are written.
  public var template: PromptTemplate
  /// How actions are written.
  public var spelling: ActionSpelling
  /// Whether only the first action of an answer is taken before the policy is asked again.
  public var isSingleStep: Bool
  /// Steps of an episode at most.
  public var limit: Int
  /// Answers asked for in an episode at most.
  public var answers: Int

  /// Memberwise. The default is LLaRA's evaluation: all actions of an answer are taken, eight steps at most.
  public init(
    template: PromptTemplate, spelling: ActionSpelling = .sentences, isSingleStep: Bool = false, limit: Int = 8,
    answers: Int = 8
  ) {
    (self.template, self.spelling, self.isSingleStep) = (template, spelling, isSingleStep)
    (self.limit, self.answers) = (limit, answers)
  }

  /// Plays.
  ///
  /// - Parameter answer: answers questions, in order.
  /// - Returns: one trial an episode.
  public func play<E: Error>(
    _ episodes: [Episode], answer: (_ questions: [PolicyQuestion]) throws(E) -> [String]
  ) throws(E) -> [PolicyTrial] {
    var plays = episodes.map { EpisodePlay($0, limit: limit) }
    var trials = episodes.map {
      PolicyTrial(
        kind: $0.kind, split: $0.split, seed: $0.seed, isSuccess: false, reward: 0, steps: 0, answers: 0, problems: [])
    }
    while true {
      let open = plays.indices.filter { !plays[$0].isOver && trials[$0].answers < answers }
      guard !open.isEmpty else { break }
      let texts = try answer(open.map { question(plays[$0]) })
      precondition(texts.count == open.count, "one answer a question")
      for (index, text) in zip(open, texts) { take(text, &plays[index], &trials[index]) }
    }
    for index in plays.indices {
      trials[index].isSuccess = plays[index].isSuccess
      (trials[index].reward, trials[index].steps) = (plays[index].reward, plays[index].steps)
    }
    return trials
  }

  private func question(_ play: EpisodePlay) -> PolicyQuestion {
    PolicyQuestion(
      id: "\(play.episode.name)_\(play.history.count)", prompt: play.prompt(template) + "\n", scene: play.scene)
  }

  private func take(_ text: String, _ play: inout EpisodePlay, _ trial: inout PolicyTrial) {
    let tool = play.episode.kind.tool
    let (actions, problem) = spelling.actions(in: text, tool: tool)
    trial.answers += 1
    if let problem { trial.problems.append(problem) }
    if trial.answers == 1, let first = actions.first { trial.compare(first, play.episode) }
    if actions.isEmpty { play.take(nil) }
    for action in actions.prefix(isSingleStep ? 1 : actions.count) { play.take(action) }
  }
}

extension PolicyTrial {
  fileprivate mutating func compare(_ action: ManipulationAction, _ episode: Episode) {
    guard let oracle = episode.oracle.first?.action else { return }
    startError = FrontView.tablePoint(action.start).distance(to: FrontView.tablePoint(oracle.start))
    endError = FrontView.tablePoint(action.end).distance(to: FrontView.tablePoint(oracle.end))
    if kind.asksForAngle { angleError = Double(abs(wrapped(action.rotation - oracle.rotation))) }
  }
}

extension TaskKind {
  /// Whether success depends on the angle.
  public var asksForAngle: Bool { [.rotate, .twist, .rearrange, .rearrangeThenRestore].contains(self) }
}
