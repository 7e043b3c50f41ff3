// SPDX-License-Identifier: Apache-2.0
import Evaluation
import TokenData

extension Generating {
  typealias Answer = (text: String, finish: FinishReason)

  /// An answer to each record: with a judge the best of several, with the scores of all.
  func answers(
    _ items: [EvaluationItem], _ records: [Record], places: [Int]
  ) throws -> (answers: [Answer], scores: [[Double]]?) {
    // Each prompt as often as it is answered.
    let times = judge == nil ? 1 : samples
    let streams = places.flatMap { place in (0..<times).map { UInt64(place * times + $0) } }
    let contrast = try contrastPrompt.map { text in
      try records.flatMap { record in
        [[Int32]](repeating: try answering.item(record.instructed(by: text)).ids, count: times)
      }
    }
    let hook = guides.map { guides in
      { (prompts: [[Int32]], options: GenerationOptions) in
        try guides.hook(prompts, options, beside: model, contrast: contrast)
      }
    }
    guard let judge else { return (try answering.answers(items, model, streams: streams, hook: hook), nil) }
    let drawn = items.flatMap { [EvaluationItem](repeating: $0, count: times) }
    let all = try answering.answers(drawn, model, streams: streams, hook: hook)
    let scores = try judge.scores(of: all.indices.map { records[$0 / samples].answering(all[$0].text) })
    let groups = items.indices.map { Array(scores[$0 * samples..<($0 + 1) * samples]) }
    let best = groups.enumerated().map { index, group in
      // Of equals the first.
      all[index * samples + (group.indices.max { (group[$0], -$0) < (group[$1], -$1) } ?? 0)]
    }
    return (best, groups)
  }
}
