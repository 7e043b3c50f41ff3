// SPDX-License-Identifier: Apache-2.0
import Evaluation
import MetricTokens
import Testing
import Torch
import TorchNN

@Suite struct TokenGeneratorTests {
  let model = TinyModel()

  /// Prompts of lengths 1 … 12, the same in every run.
  static let prompts: [[Int32]] = [1, 3, 5, 5, 12, 7, 2, 5, 9].enumerated().map { index, length in
    var random = CounterGenerator(7, UInt64(index))
    return (0..<length).map { _ in Int32(random.next(below: 23)) }
  }

  @Test(arguments: [1, 40, 100, 100_000])
  func greedyEqualsFullPassesOneByOne(tokenBudget: Int) throws {
    let all = try TokenGenerator(model).generate(Self.prompts, .init(maxNewTokens: 20), tokenBudget: tokenBudget)
    for (prompt, generation) in zip(Self.prompts, all) {
      #expect(generation == Generation(ids: plainGreedy(model, prompt, 20), finish: .length))
    }
  }

  @Test func samplesDoNotDependOnTheBatch() throws {
    let sampling = Sampling(temperature: 1.3, topK: 9, topP: 0.95, seed: 3)
    var options = GenerationOptions(maxNewTokens: 15, sampling: sampling)
    let generator = TokenGenerator(model)
    let together = try generator.generate(Self.prompts, options)
    for (index, prompt) in Self.prompts.enumerated() {
      #expect(try generator.generate([prompt], options, streams: [UInt64(index)]) == [together[index]])
    }
    let twice = try generator.generate([Self.prompts[4], Self.prompts[4]], options)
    #expect(twice[0] != twice[1])
    options.sampling.seed = 4
    #expect(try generator.generate(Self.prompts, options) != together)
  }

  @Test func logProbabilitiesAreTheModels() throws {
    let options = GenerationOptions(
      maxNewTokens: 6, sampling: Sampling(temperature: 0.7, topK: 5), logProbabilities: true)
    for (prompt, generation) in zip(Self.prompts, try TokenGenerator(model).generate(Self.prompts, options)) {
      let logs = try #require(generation.logProbabilities)
      #expect(logs.count == generation.ids.count)
      for (step, id) in generation.ids.enumerated() {
        let expected = plainLogProbabilities(model, after: prompt + generation.ids[..<step])[Int(id)]
        #expect(abs(logs[step] - expected) < 1e-5)
      }
    }
  }

  /// Whatever ends a sequence, its tokens up to there are those of the unstopped one.
  @Test func stopTokensAndSequencesEndASequenceAndAreLeftOut() throws {
    let generator = TokenGenerator(model)
    let free = try generator.generate(Self.prompts, .init(maxNewTokens: 20)).map(\.ids)
    let stopID = free[0][4], run = Array(free[1][2...4])
    let options = GenerationOptions(
      maxNewTokens: 20, stopIDs: [stopID], stopSequences: [run, [99]], logProbabilities: true)
    let stopped = try generator.generate(Self.prompts, options)
    for (long, short) in zip(free, stopped) {
      let byID = long.firstIndex(of: stopID).map { (last: $0, kept: $0) }
      let byRun = (0...17).first { Array(long[$0..<$0 + 3]) == run }.map { (last: $0 + 2, kept: $0) }
      let end = [byID, byRun].compactMap { $0 }.min { $0.last < $1.last }
      #expect(short.ids == Array(long[..<(end?.kept ?? 20)]))
      #expect(short.finish == (end == nil ? .length : .stop))
      #expect(short.logProbabilities?.count == short.ids.count)
    }
    #expect(Set(stopped.map(\.ids.count)).count > 2, "sequences end at different times")
  }

  /// An end that is no token of its own is told by what has been written; nothing is taken away.
  @Test func whatIsWrittenMayEndASequence() throws {
    let generator = TokenGenerator(model)
    let free = try generator.generate(Self.prompts, .init(maxNewTokens: 20)).map(\.ids)
    let stopped = try generator.generate(
      Self.prompts, .init(maxNewTokens: 20), isEnd: { $0.suffix(2).reduce(0, +) > 25 })
    for (long, short) in zip(free, stopped) {
      let end = (1...20).first { long[..<$0].suffix(2).reduce(0, +) > 25 }
      #expect(short.ids == Array(long[..<(end ?? 20)]))
      #expect(short.finish == (end == nil ? .length : .stop))
    }
    #expect(Set(stopped.map(\.ids.count)).count > 2)
  }

  @Test func finishedSequencesAreNotComputedOn() throws {
    let free = try TokenGenerator(model).generate(Self.prompts, .init(maxNewTokens: 20)).map(\.ids)
    model.passes = []
    let firsts = Set(free[..<8].map { $0[0] })
    let stopped = try TokenGenerator(model).generate(Self.prompts, .init(maxNewTokens: 20, stopIDs: firsts))
    #expect(stopped[..<8].allSatisfy { $0.finish == .stop && $0.ids.isEmpty })
    #expect(model.passes.first == [9, 12])
    #expect(model.passes.dropFirst().allSatisfy { $0 == [1, 1] })
  }

  @Test func aSharedBeginningIsReadOnce() throws {
    let beginning = (0..<30).map { Int32($0 % 23) }
    let prompts = Self.prompts.map { beginning + $0 }
    let all = try TokenGenerator(model).generate(prompts, .init(maxNewTokens: 8))
    #expect(model.passes.prefix(2) == [[1, 30], [9, 12]])
    for (prompt, generation) in zip(prompts, all) { #expect(generation.ids == plainGreedy(model, prompt, 8)) }
    let same = try TokenGenerator(model).generate([prompts[0], prompts[0], prompts[0]], .init(maxNewTokens: 8))
    #expect(same == [all[0], all[0], all[0]])
  }

  @Test func tokensStreamInOrder() throws {
    var seen = [Int: [Int32]](), ends = [Int: FinishReason]()
    let options = GenerationOptions(maxNewTokens: 7, logProbabilities: true)
    let all = try TokenGenerator(model).generate(Self.prompts, options, tokenBudget: 50) { event in
      #expect(event.step == seen[event.prompt, default: []].count)
      #expect(event.logProbability != nil && ends[event.prompt] == nil)
      seen[event.prompt, default: []].append(event.id)
      ends[event.prompt] = event.finish
    }
    for (index, generation) in all.enumerated() {
      #expect(seen[index] == generation.ids)
      #expect(ends[index] == generation.finish)
    }
    struct Enough: Error {}
    var count = 0
    #expect(throws: Enough.self) {
      try TokenGenerator(model).generate(Self.prompts, options) { _ in
        count += 1
        if count == 10 { throw Enough() }
      }
    }
    #expect(count == 10)
  }

  @Test func aHookChangesScores() throws {
    let banned = plainGreedy(model, Self.prompts[2], 1)[0]
    let hook: LogitsHook = { logits, state in
      #expect(logits.shape == [state.prompts.count, 23])
      for (row, prompt) in state.prompts.enumerated() {
        #expect(state.context.lengths[row] == Self.prompts[prompt].count + state.generated[row].count)
      }
      logits.select(1, Int(banned)).fill_(-.infinity)
    }
    let all = try TokenGenerator(model).generate(Self.prompts, .init(maxNewTokens: 10), hook: hook)
    #expect(all.allSatisfy { !$0.ids.contains(banned) && $0.ids.count == 10 })
  }

  /// Guidance by a second reading of the sequence: a hook can hold a context of its own.
  @Test func classifierFreeGuidance() throws {
    let conditions: [[Int32]] = [[1, 2], [3, 4, 5], [6]], scale = 2.0
    let plain: [[Int32]] = conditions.map { condition in
      var ids = [Int32]()
      for _ in 0..<6 {
        let with = plainLogProbabilities(model, after: condition + ids)
        let without = plainLogProbabilities(model, after: [0] + ids)
        ids.append(Int32(best(zip(with, without).map { $1 + scale * ($0 - $1) })))
      }
      return ids
    }
    let free = try ModelContext(model, prompts: [[0], [0], [0]], room: 6)
    let hook: LogitsHook = { logits, state in
      let last = state.generated.compactMap(\.last)
      if !last.isEmpty { free.read(Tensor(last.map(Int64.init))) }
      logits = free.logits() + (logits - free.logits()) * scale
    }
    #expect(try TokenGenerator(model).generate(conditions, .init(maxNewTokens: 6), hook: hook).map(\.ids) == plain)
  }

  @Test func badInputIsRefusedBeforeAnythingIsComputed() throws {
    let generator = TokenGenerator(model)
    let long = [Int32](repeating: 1, count: 64)
    #expect(throws: DecodingError.empty(index: 1)) { try generator.generate([[1], []]) }
    #expect(throws: DecodingError.tooLong(index: 0, length: 64, limit: 63)) { try generator.generate([long]) }
    #expect(throws: DecodingError.unknownToken(index: 0, id: 23, vocabularySize: 23)) { try generator.generate([[23]]) }
    #expect(throws: DecodingError.unknownToken(index: 0, id: -1, vocabularySize: 23)) { try generator.generate([[-1]]) }
    for options in [
      GenerationOptions(maxNewTokens: -1), GenerationOptions(stopSequences: [[]]),
      GenerationOptions(sampling: Sampling(temperature: -1)), GenerationOptions(sampling: Sampling(temperature: .nan)),
      GenerationOptions(sampling: Sampling(topK: 0)), GenerationOptions(sampling: Sampling(topP: 0)),
      GenerationOptions(sampling: Sampling(topP: 1.5)), GenerationOptions(sampling: Sampling(minP: -0.1)),
    ] {
      let error = #expect(throws: DecodingError.self) { try generator.generate([[1]], options) }
      #expect(error?.description.contains("expected") == true)
    }
    #expect(model.passes.isEmpty)
    #expect(try generator.generate([]).isEmpty)
    #expect(try generator.generate([[1]], .init(maxNewTokens: 0)) == [Generation(ids: [], finish: .length)])
  }

  @Test func theContextsEndEndsASequence() throws {
    let prompts = [[Int32](repeating: 1, count: 60), [Int32](repeating: 2, count: 63), [3]]
    let all = try TokenGenerator(model).generate(prompts, .init(maxNewTokens: 10))
    #expect(all.map(\.ids.count) == [4, 1, 10])
    #expect(all.map(\.finish) == [.context, .context, .length])
    for (prompt, generation) in zip(prompts, all) {
      #expect(generation.ids == plainGreedy(model, prompt, generation.ids.count))
    }
  }

  @Test func brokenModelsAreNoticed() throws {
    model.layers[1].out.weight.fill_(.nan)
    for sampling in [Sampling.greedy, Sampling(topK: 3), Sampling()] {
      #expect(throws: DecodingError.notFinite(index: 0, step: 0)) {
        try TokenGenerator(model).generate([[1, 2]], GenerationOptions(sampling: sampling))
      }
    }
  }

  @Test func trainingModeIsRestored() throws {
    model.setTraining(true)
    _ = try TokenGenerator(model).generate([[1]], .init(maxNewTokens: 1))
    #expect(model.isTraining)
  }

  @Test func batchesHoldTheBudget() {
    let lengths = [5, 100, 3, 3, 7, 40, 5, 1]
    for budget in [1, 10, 50, 1000] {
      let made = batches(of: lengths, tokenBudget: budget)
      #expect(made.flatMap { $0 }.sorted() == Array(lengths.indices))
      for batch in made {
        let padded = batch.count * (batch.map { lengths[$0] }.max() ?? 0)
        #expect(padded <= budget || batch.count == 1)
      }
    }
    #expect(batches(of: lengths, tokenBudget: 1000).count == 1)
    #expect(batches(of: [], tokenBudget: 5).isEmpty)
    #expect(batches(of: lengths, tokenBudget: 1000, busy: 100) == [[1], [5, 4, 0], [6, 2, 3, 7]])
    #expect(batches(of: lengths, tokenBudget: 1000, busy: 101) == [[1, 5], [4, 0, 6, 2, 3, 7]])
  }

  /// Enough long and short prompts for passes of their own: no more padding than that allows, and every result that of
  /// the prompt alone.
  @Test func manyPromptsAreReadInPassesOfLikeLength() throws {
    let lengths = [Int](repeating: 40, count: 27) + [Int](repeating: 9, count: 8)
    let prompts = lengths.enumerated().map { index, length -> [Int32] in
      var random = CounterGenerator(11, UInt64(index))
      return (0..<length).map { _ in Int32(random.next(below: 23)) }
    }
    let all = try TokenGenerator(model).generate(prompts, .init(maxNewTokens: 8))
    #expect(model.passes.prefix(2) == [[27, 40], [8, 9]])
    for index in [0, 26, 27, 34] { #expect(all[index].ids == plainGreedy(model, prompts[index], 8)) }
  }
}
