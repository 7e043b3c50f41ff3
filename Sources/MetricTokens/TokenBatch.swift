// SPDX-License-Identifier: Apache-2.0
/// Examples as rows of one length, as plain values: one in each row and padding on the right, or several end to end.
///
/// Causal attention never looks right, so padding at the end changes nothing at real positions. Where a row holds
/// several documents, the model has to be told (`documentLengths`).
public struct TokenBatch: Sendable, Hashable {
  /// Number of rows B.
  public var rows: Int
  /// Length of the rows T.
  public var length: Int
  /// Token ids `[B, T]`, row major.
  public var ids: [Int32]
  /// Where each document lies in `ids`, inside one row: those of the examples in the order of `sources`, then those of
  /// the contrastive passes.
  public var documents: [Range<Int>]
  /// For each example which of the `documents` are its own: nearly always one.
  public var documentsOfExamples: [Range<Int>]
  /// The supervised positions, shifted.
  public var supervision: Supervision
  /// The images that some of the tokens stand for.
  public var images: [BatchImage]
  /// Of how many first tokens of each of the `documents` its prompt is made: those before the first that is learnt.
  public var prompts: [Int]
  /// Names of the examples, for errors. Count ≤ that of `documents`.
  public var sources: [String]
  /// Indices of the examples in the data set; empty where none were given.
  public var indices: [Int] = []

  /// Memberwise. Without `documentsOfExamples` each source has one document, without `prompts` none has a prompt.
  public init(
    rows: Int, length: Int, ids: [Int32], documents: [Range<Int>], documentsOfExamples: [Range<Int>]? = nil,
    supervision: Supervision, images: [BatchImage] = [], prompts: [Int]? = nil, sources: [String] = []
  ) {
    precondition(ids.count == rows * length, "\(ids.count) ids for [\(rows), \(length)]")
    self.rows = rows
    self.length = length
    self.ids = ids
    self.documents = documents
    self.documentsOfExamples = documentsOfExamples ?? sources.indices.map { $0..<$0 + 1 }
    self.supervision = supervision
    self.images = images
    self.prompts = prompts ?? documents.map { _ in 0 }
    self.sources = sources
  }

  /// Tokens of each document, in the order of `documents`.
  public var lengths: [Int] { documents.map(\.count) }

  /// For each row the lengths of its documents from left to right; nil if every row holds one, and plain causal order
  /// is all that attention needs.
  public var documentLengths: [[Int]]? {
    documents.count > rows ? perRow { documents[$0].count } : nil
  }

  /// For each row the tokens of its documents' prompts, from left to right.
  public var promptLengths: [[Int]] { perRow { prompts[$0] } }

  /// Something of each document, by its index in `documents`, for each row from left to right.
  private func perRow(_ value: (Int) -> Int) -> [[Int]] {
    var values = [[Int]](repeating: [], count: rows)
    let order = documents.indices.sorted { documents[$0].lowerBound < documents[$1].lowerBound }
    for index in order where !documents[index].isEmpty {
      values[documents[index].lowerBound / length].append(value(index))
    }
    return values
  }

  /// Collates examples: lays them out and shifts labels by one — here and nowhere else.
  ///
  /// - Parameters:
  ///   - contrastiveExamples: for each example its contrastive example, or nil. With `twoPass`, contrastive examples
  ///     become sequences of their own after the examples, and contrast targets point into them; without, they use the
  ///     example's own pass.
  ///   - layout: how they become rows. The supervision is the same but for where its logit rows point.
  ///   - pad: id written into padding (never attended to by a real position).
  ///   - streams: for each example the key of its random numbers, from which each metric token's is made
  ///     (`MetricTarget.stream`); empty: its place in the batch.
  ///   - images: for each example its images, prepared; empty: none shows any.
  public init(
    _ examples: [EncodedExample], contrastiveExamples: [ContrastiveExample?] = [], twoPass: Bool = true,
    layout: BatchLayout = .padded, pad: Int32 = 0, streams: [UInt64] = [],
    images: [[PlacedImage]] = []
  ) {
    precondition(
      contrastiveExamples.isEmpty || contrastiveExamples.count == examples.count,
      "one contrastive example (or nil) per example")
    precondition(images.isEmpty || images.count == examples.count, "images of every example")
    precondition(streams.isEmpty || streams.count == examples.count, "one stream per example")
    let pieces = examples.map(\.documents)
    var sequences = zip(examples, pieces).flatMap { example, pieces in pieces.map { Array(example.ids[$0]) } }
    let counted = sequences.count
    if twoPass {
      for (pieces, contrastiveExample) in zip(pieces, contrastiveExamples) {
        if let contrastiveExample { sequences += pieces.map { Array(contrastiveExample.ids[$0]) } }
      }
    }
    let (rows, length, documents) = layout.place(sequences.map(\.count))
    var ids = [Int32](repeating: pad, count: rows * length)
    for (document, sequence) in zip(documents, sequences) { ids.replaceSubrange(document, with: sequence) }

    var prompts = zip(examples, pieces).flatMap { example, pieces in pieces.map { example.prompt(of: $0) } }
    if twoPass {
      for (index, contrastiveExample) in contrastiveExamples.enumerated() where contrastiveExample != nil {
        prompts += pieces[index].map { examples[index].prompt(of: $0) }
      }
    }
    var supervision = Supervision(), owned = [Range<Int>](), batchImages = [BatchImage]()
    var next = 0, pass = counted
    for (index, example) in examples.enumerated() {
      let own = next..<next + pieces[index].count
      let contrastiveExample = contrastiveExamples.isEmpty ? nil : contrastiveExamples[index]
      let passes = twoPass && contrastiveExample != nil ? pass..<pass + own.count : nil
      let places = Places(pieces[index], documents[own])
      let contrastivePlaces = passes.map { Places(pieces[index], documents[$0]) }
      supervision.append(
        example, at: places, contrastiveExample: contrastiveExample, contrastivePlaces: contrastivePlaces,
        stream: streams.isEmpty ? UInt64(index) : streams[index])
      for placed in images.isEmpty ? [] : images[index] {
        let starts = ([places] + (contrastivePlaces.map { [$0] } ?? [])).map { Int($0.row(of: placed.position)) }
        batchImages.append(BatchImage(placed.image, starts: starts, count: placed.count))
      }
      owned.append(own)
      (next, pass) = (own.upperBound, passes?.upperBound ?? pass)
    }
    self.init(
      rows: rows, length: length, ids: ids, documents: documents, documentsOfExamples: owned,
      supervision: supervision, images: batchImages, prompts: prompts, sources: examples.map(\.source))
  }
}

extension EncodedExample {
  /// How many first tokens of one of its documents are read before any is learnt.
  fileprivate func prompt(of document: Range<Int>) -> Int {
    (document.firstIndex { supervised[$0] } ?? document.upperBound) - document.lowerBound
  }
}

/// Where the tokens of an example lie in a batch.
private struct Places {
  private let documents: [(piece: Range<Int>, start: Int)]

  init(_ pieces: [Range<Int>], _ documents: ArraySlice<Range<Int>>) {
    self.documents = zip(pieces, documents).map { ($0, $1.lowerBound) }
  }

  /// Row of the flattened ids that holds a token of the example.
  func row(of position: Int) -> Int32 {
    guard let document = documents.first(where: { $0.piece.contains(position) }) else {
      preconditionFailure("no token \(position) in an example of \(documents.last?.piece.upperBound ?? 0)")
    }
    return Int32(document.start + position - document.piece.lowerBound)
  }

  /// The tokens of each document that have one before them, and the row of that one.
  var predicted: [[(position: Int, row: Int32)]] {
    documents.map { piece, start in
      piece.dropFirst().map { ($0, Int32(start + $0 - piece.lowerBound - 1)) }
    }
  }

  /// The last token of each document.
  var ends: [Int] { documents.map { $0.piece.upperBound - 1 } }
}

extension Supervision {
  /// Adds an example whose tokens lie at `places`, and its contrastive example's at `contrastivePlaces`.
  fileprivate mutating func append(
    _ example: EncodedExample, at places: Places, contrastiveExample: ContrastiveExample?, contrastivePlaces: Places?,
    stream: UInt64
  ) {
    appendRatings(of: example, at: places)
    var logitRowOf = [Int: Int]()  // position of a target token → index into logit rows
    var learnt = [Range<Int>]()  // of each document, in indices into logit rows
    for predicted in places.predicted {
      let first = labels.count
      for (position, row) in predicted where example.supervised[position] {
        logitRowOf[position] = labels.count
        logitRows.append(row)
        labels.append(example.ids[position])
      }
      learnt.append(first..<labels.count)
    }
    if let responses = example.responses { append(responses, learnt) }
    for (index, metric) in example.metrics.enumerated() {
      guard let logitRow = logitRowOf[metric.position] else { continue }
      var contrast: ContrastTarget?
      if let contrastiveExample, let difference = contrastiveExample.differences[index] {
        contrast = ContrastTarget(token: contrastiveExample.ids[metric.position], difference: difference, logitRow: nil)
        if let contrastivePlaces {
          contrast?.logitRow = contrastLogitRows.count
          contrastLogitRows.append(contrastivePlaces.row(of: metric.position - 1))
        }
      }
      var random = CounterGenerator(stream, UInt64(metric.position))
      metrics.append(
        MetricTarget(
          logitRow: logitRow, metric: metric.metric, candidate: metric.candidate, place: metric.place,
          contrast: contrast,
          given: metric.given, stream: random.next()))
      if metric.given?.replacesLabel == true { labels[logitRow] = Self.unlabelled }
    }
  }

  /// Adds documents that answer one prompt, by where their learnt tokens are.
  private mutating func append(_ responses: Responses, _ learnt: [Range<Int>]) {
    let first = documents.count
    documents += learnt.indices.map { index in
      DocumentTarget(
        tokens: learnt[index], values: responses.tokens.isEmpty ? TokenValues() : responses.tokens[index])
    }
    groups.append(
      DocumentGroup(documents: first..<documents.count, worth: responses.worth, weight: responses.weight))
  }

  /// Adds what an example's documents are worth.
  private mutating func appendRatings(of example: EncodedExample, at places: Places) {
    var pooledPositionOf = [Int: Int]()  // position of a token → index into pooled positions
    func pooledPosition(_ position: Int) -> Int {
      if let known = pooledPositionOf[position] { return known }
      pooledPositions.append(places.row(of: position))
      pooledPositionOf[position] = pooledPositions.count - 1
      return pooledPositions.count - 1
    }
    if let margin = example.comparison {
      let ends = places.ends
      comparisons.append(
        ComparisonTarget(chosen: pooledPosition(ends[0]), rejected: pooledPosition(ends[1]), margin: margin))
    }
    for rating in example.ratings {
      ratings.append(RatingTarget(pooledPosition: pooledPosition(rating.position), values: rating.values))
    }
  }
}
