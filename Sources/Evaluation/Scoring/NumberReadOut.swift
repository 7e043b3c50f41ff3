// SPDX-License-Identifier: Apache-2.0
import Foundation
import Torch
import TorchNN

extension Scorer {
  /// The distribution over whole numbers that a model gives after each prompt.
  ///
  /// Exact by enumeration as long as no level of the space has more than `width` unfinished paths: `0.xyz` is 1,000
  /// answers from 112 tokens read beside the prompt. Beyond that either the most probable paths of each level go on
  /// (beam), and `cut` of the distribution says how much of the mass that left out; or a sample that stands for all. Paths
  /// are branches of one cached sequence, so prompts are read and kept once.
  ///
  /// - Parameters:
  ///   - space: the ways to write an answer.
  ///   - width: unfinished paths kept per level at most.
  ///   - selection: which go on where a level has more. A systematic sample leaves nothing out, and where numbers stand
  ///     in the order of their digits the distribution function is wrong by less than 1/`width` a level: for means,
  ///     quantiles and CRPS; not for the mode, since what is sampled weighs more.
  ///   - spare: mass that may be left out to read less, of levels of more than `NumberReadOut/block` paths: the most
  ///     improbable ones, as long as all of them together hold no more. 0 reads whatever `width` allows.
  ///   - normalization: what each token's probability is a share of. With `.vocabulary` the distribution's
  ///     `coverage` says how much of the model's belief the space holds; with `.candidates` it is 1 unless paths were
  ///     dropped.
  ///   - tokenBudget: largest number of tokens of a batch, branches included.
  ///   - images: the images of each prompt; nil if none shows any.
  /// - Throws: `DecodingError` for prompts that the model cannot read or that leave no room for an answer.
  public func distributions(
    over space: AnswerSpace, after prompts: [[Int32]], width: Int = 1024, selection: PathSelection = .mostProbable,
    spare: Double = 0, normalization: Normalization = .vocabulary, tokenBudget: Int = 16_384,
    images: PromptImages? = nil
  ) throws -> [NumberDistribution] {
    guard width > 0 else { throw DecodingError.badSetting("width: expected at least 1, found \(width)") }
    try ModelContext.check(prompts, for: model)
    let tree = AnswerTree(space), branches = tree.tokensToRead(width: width, depth: model.contextLength)
    var found = [NumberDistribution?](repeating: nil, count: prompts.count)
    try evaluating(model) {
      let lengths = prompts.map(\.count)
      for batch in batches(of: lengths.map { $0 + branches }, read: lengths, by: model, tokenBudget: tokenBudget) {
        let context = try ModelContext(
          model, prompts: batch.map { prompts[$0] }, room: branches, beginning: beginning,
          images: images.map { try batch.map($0) } ?? [])
        var readOut = NumberReadOut(
          self, context, tree, names: batch, width: width, selection: selection, spare: spare,
          normalization: normalization)
        for (index, distribution) in zip(batch, try readOut.run()) { found[index] = distribution }
      }
    }
    return found.compactMap { $0 }
  }
}

/// What was read of each sequence since the context's own tokens ended, and where that left the model.
struct ReadOutStart {
  /// Hidden state after the last token, `[B, H]`.
  var hidden: Tensor
  /// Columns of the tokens that were read as branches and belong to the sequence, counted from `trunk`.
  var chains: [[Int]]
  /// Cache length before the first branch was read.
  var trunk: Int

  /// Directly after what the context has read.
  init(_ context: ModelContext) {
    (hidden, trunk) = (context.last, context.cache.length)
    chains = [[Int]](repeating: [], count: context.count)
  }
}

/// One batch of prompts, level by level down the tree.
struct NumberReadOut {
  private let scorer: Scorer
  private let context: ModelContext
  private let tree: AnswerTree
  private let names: [Int]  // the prompts' indices, for errors
  private let width: Int
  private let selection: PathSelection
  private let spare: Double
  private let normalization: Normalization
  private let start: ReadOutStart
  private var rows: [Row]

  /// State of one prompt.
  private struct Row {
    var logProbability: [Int: Double] = [0: 0]  // of paths, by node
    var column: [Int: Int] = [:]  // where a node that was read stands among the branches
    var open: [Int] = []  // paths to go on with, all of one level
    var answers: [(value: Double, logProbability: Double)] = []
    var isExact = true
    var cut = 0.0  // probability of the paths that were dropped
  }

  /// Paths that are read at once whatever they are worth: that costs less than a pass.
  static let block = 128

  init(
    _ scorer: Scorer, _ context: ModelContext, _ tree: AnswerTree, names: [Int], width: Int,
    selection: PathSelection = .mostProbable, spare: Double = 0, normalization: Normalization,
    from start: ReadOutStart? = nil
  ) {
    self.start = start ?? ReadOutStart(context)
    (self.scorer, self.context, self.tree, self.names) = (scorer, context, tree, names)
    (self.width, self.selection, self.spare, self.normalization) = (width, selection, spare, normalization)
    rows = [Row](repeating: Row(), count: context.count)
  }

  mutating func run() throws -> [NumberDistribution] {
    try spread(start.hidden, nodes: rows.map { _ in [0] })
    for row in rows.indices { rows[row].open = cut(tree.opened(below: [0]), row) }
    while rows.contains(where: { !$0.open.isEmpty }) {
      let blocks = rows.map { lookAhead($0.open) }
      let hidden = try read(blocks)
      for (row, block) in blocks.enumerated() {
        for (column, node) in block.enumerated() { rows[row].column[node] = hidden.first + column }
      }
      let width = hidden.states.size(1)
      let index = blocks.enumerated().flatMap { row, block in block.indices.map { Int64(row * width + $0) } }
      let flat = hidden.states.reshape([blocks.count * width, scorer.model.hiddenSize])
      try spread(flat.indexSelect(0, Tensor(index, device: context.device)), nodes: blocks)
      for row in rows.indices { rows[row].open = cut(next(after: blocks[row]), row) }
    }
    return try rows.enumerated().map { row, found in
      guard !found.answers.isEmpty else { throw DecodingError.badSetting("answer space: expected answers, found none") }
      guard found.answers.contains(where: { $0.logProbability > -.infinity }) else {
        throw DecodingError.notFinite(index: names[row], step: 0)
      }
      return NumberDistribution(
        values: found.answers.map(\.value), logProbabilities: found.answers.map(\.logProbability),
        isExact: found.isExact, cut: found.cut)
    }
  }

  /// The open paths and whole levels below them, as long as these are few: reading them at once costs less than a pass.
  private func lookAhead(_ open: [Int]) -> [Int] {
    var block = open, level = open
    while true {
      level = tree.opened(below: level)
      if level.isEmpty || block.count + level.count > min(Self.block, width) { return block }
      block += level
    }
  }

  /// Unfinished paths that a block leads to.
  private func next(after block: [Int]) -> [Int] {
    let read = Set(block)
    return tree.opened(below: block).filter { !read.contains($0) }
  }

  /// Paths to go on with: of many only those that hold all but the mass to spare, and `width` at most.
  private mutating func cut(_ open: [Int], _ row: Int) -> [Int] {
    let most = selection == .systematicSample ? Int.max : width
    var kept = open
    if open.count > most || (spare > 0 && open.count > Self.block) { kept = probable(open, row, most: most) }
    if kept.count > width { kept = sample(kept, row) }
    if kept.count < open.count { rows[row].isExact = false }
    return kept
  }

  /// The most probable paths, in their order: `most` at most, and without those that may be spared.
  private mutating func probable(_ open: [Int], _ row: Int, most: Int) -> [Int] {
    let logs = open.map { rows[row].logProbability[$0] ?? -.infinity }
    // The least first; of equals the last.
    let order = open.indices.sorted { (logs[$0], $1) < (logs[$1], $0) }
    var isDropped = [Bool](repeating: false, count: open.count), left = open.count, dropped = 0.0
    // Half of what may still be left out, so that deeper levels have their share.
    let allowance = (spare - rows[row].cut) / 2
    for place in order {
      let mass = exp(logs[place])
      guard left > most || (left > Self.block && dropped + mass <= allowance) else { break }
      dropped += mass
      left -= 1
      isDropped[place] = true
    }
    rows[row].cut += dropped
    return zip(open, isDropped).compactMap { $1 ? nil : $0 }
  }

  /// A sample that holds the mass of all.
  private mutating func sample(_ open: [Int], _ row: Int) -> [Int] {
    let logs = open.map { rows[row].logProbability[$0] ?? -.infinity }, greatest = logs.max() ?? 0
    guard greatest > -.infinity else { return Array(open.prefix(width)) }
    return systematicSample(logs.map { exp($0 - greatest) }, of: width).map { index, weight in
      rows[row].logProbability[open[index]] = log(weight) + greatest
      return open[index]
    }
  }

  private func read(_ blocks: [[Int]]) throws -> (states: Tensor, first: Int) {
    let first = context.cache.length - start.trunk
    let branches = try blocks.enumerated().map { row, block in
      let chain = start.chains[row]
      var column = rows[row].column, ancestors = [Int: [Int]]()
      for (offset, node) in block.enumerated() { column[node] = first + offset }
      return try block.map { node -> BranchToken in
        let depth = chain.count + tree.nodes[node].depth - 1
        let length = context.lengths[row] + depth + 1, limit = context.model.contextLength
        if length > limit { throw DecodingError.tooLong(index: names[row], length: length, limit: limit) }
        let parent = tree.nodes[node].parent
        let above = parent == 0 ? chain : (ancestors[parent] ?? chain + lineage(parent, column))
        ancestors[node] = above + [column[node] ?? 0]
        return BranchToken(id: tree.nodes[node].token, depth: depth, ancestors: above)
      }
    }
    return (context.read(branches: branches, trunk: start.trunk), first)
  }

  /// Columns of a node and those above it.
  private func lineage(_ node: Int, _ column: [Int: Int]) -> [Int] {
    sequence(first: node) { [tree] in tree.nodes[$0].parent }.prefix { $0 > 0 }.compactMap { column[$0] }
  }

  /// Gives the children of nodes their probability, from the hidden states `[N, H]` after those nodes.
  private mutating func spread(_ hidden: Tensor, nodes: [[Int]]) throws {
    let flat = nodes.enumerated().flatMap { row, nodes in nodes.map { (row: row, node: $0) } }
    let tokens = flat.map { tree.children(of: $0.node).map { tree.nodes[$0].token } }
    let logs = try scorer.logProbabilities(hidden, of: tokens, normalization: normalization)
    for (parent, logs) in zip(flat, logs) {
      let above = rows[parent.row].logProbability[parent.node] ?? -.infinity
      for (child, log) in zip(tree.children(of: parent.node), logs) {
        guard !log.isNaN else {
          throw DecodingError.notFinite(index: names[parent.row], step: tree.nodes[child].depth - 1)
        }
        if let value = tree.nodes[child].value {
          rows[parent.row].answers.append((value, above + log))
        } else {
          rows[parent.row].logProbability[child] = above + log
        }
      }
    }
  }
}
