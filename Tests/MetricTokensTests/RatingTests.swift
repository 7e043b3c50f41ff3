// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing

/// Examples of several documents, and what they are worth.
@Suite struct RatingTests {
  private let pair = EncodedExample(chosen: [1, 2, 3], rejected: [1, 4], margin: 2, source: "pair")
  private let rated = EncodedExample(ids: [5, 6, 7, 8], rated: [3, nil, 4], source: "rated")

  /// A document is a row; read-out positions are its last token, not the one before.
  @Test func documentsArePadded() {
    let batch = TokenBatch([pair, rated, pair], pad: 99)
    #expect(batch.rows == 5)
    #expect(batch.length == 4)
    #expect(batch.documentLengths == nil)
    #expect(batch.ids == [1, 2, 3, 99, 1, 4, 99, 99, 5, 6, 7, 8, 1, 2, 3, 99, 1, 4, 99, 99])
    #expect(batch.documents == [0..<3, 4..<6, 8..<12, 12..<15, 16..<18])
    #expect(batch.documentsOfExamples == [0..<2, 2..<3, 3..<5])
    #expect(batch.sources == ["pair", "rated", "pair"])
    #expect(batch.lengths == [3, 2, 4, 3, 2])
    let supervision = batch.supervision
    #expect(supervision.pooledPositions == [2, 5, 11, 14, 17])
    #expect(
      supervision.comparisons
        == [
          ComparisonTarget(chosen: 0, rejected: 1, margin: 2), ComparisonTarget(chosen: 3, rejected: 4, margin: 2),
        ])
    #expect(supervision.ratings == [RatingTarget(pooledPosition: 2, values: [3, nil, 4])])
    #expect(supervision.logitRows.isEmpty)
    #expect(supervision.labels.isEmpty)
  }

  /// The same, end to end: only the places differ.
  @Test func documentsArePackedAndDoNotSeeEachOther() {
    let padded = TokenBatch([pair, rated])
    let packed = TokenBatch([pair, rated], layout: .packed(rowLength: 7))
    #expect(packed.rows == 2)
    #expect(packed.documentLengths == [[4, 3], [2]])
    #expect(packed.documents == [4..<7, 7..<9, 0..<4])
    #expect(packed.supervision.pooledPositions == [6, 8, 3])
    #expect(packed.supervision.comparisons == padded.supervision.comparisons)
    #expect(packed.supervision.ratings == padded.supervision.ratings)
    for (a, b) in zip(padded.supervision.pooledPositions, packed.supervision.pooledPositions) {
      #expect(padded.ids[Int(a)] == packed.ids[Int(b)])
    }
  }

  /// Several opinions at one place share it; a place in the middle is allowed.
  @Test func aPairMayBeRatedToo() {
    var both = pair
    both.ratings = [
      Rating(position: 4, values: [1]), Rating(position: 2, values: [3]), Rating(position: 1, values: [2]),
    ]
    let supervision = TokenBatch([both]).supervision
    #expect(supervision.pooledPositions == [2, 4, 1])
    #expect(supervision.ratings.map(\.pooledPosition) == [1, 0, 2])
    #expect(supervision.comparisons == [ComparisonTarget(chosen: 0, rejected: 1, margin: 2)])
  }

  /// Nothing predicts a document's first token, wherever it stands; others are learnt in their own document.
  @Test(arguments: [BatchLayout.padded, .packed(rowLength: 16)])
  func tokensOfSeveralDocumentsAreLearnt(layout: BatchLayout) {
    let example = EncodedExample(
      ids: [1, 2, 3, 4, 5], supervised: [true, true, true, true, true],
      metrics: [
        MetricPosition(position: 1, candidate: 2, number: 0), MetricPosition(position: 3, candidate: 4, number: 1),
        MetricPosition(position: 4, candidate: 5, number: 2),
      ], breaks: [3])
    let contrastiveExample = ContrastiveExample(ids: [1, 7, 3, 8, 9], differences: [5, 5, 4])
    let batch = TokenBatch([example, rated], contrastiveExamples: [contrastiveExample, nil], layout: layout)
    let supervision = batch.supervision
    #expect(supervision.labels == [2, 3, 5])
    #expect(supervision.logitRows.map { batch.ids[Int($0)] } == [1, 2, 4])
    #expect(supervision.metrics.map(\.candidate) == [2, 5])
    #expect(supervision.contrastLogitRows.map { batch.ids[Int($0)] } == [1, 8])
    #expect(batch.documents.map { Array(batch.ids[$0]) } == [[1, 2, 3], [4, 5], [5, 6, 7, 8], [1, 7, 3], [8, 9]])
    #expect(batch.documentsOfExamples == [0..<2, 2..<3])
  }

  @Test func shorteningKeepsTheReadOut() throws {
    let short = try #require(rated.cuttingPrompt(to: 3, keeping: 1))
    #expect(short.ids == [5, 7, 8])
    #expect(short.ratings == [Rating(position: 2, values: [3, nil, 4])])
    #expect(rated.cuttingPrompt(to: 1, keeping: 1) == nil)
    #expect(rated.prefix(3)?.ratings.isEmpty == true)
    #expect(rated.prefix(4) == rated)
  }

  @Test func whatWasStoredBeforeIsReadToo() throws {
    let text = #"{"ids": [1, 2], "supervised": [false, true], "metrics": [], "source": "x"}"#
    let old = try JSONDecoder().decode(EncodedExample.self, from: Data(text.utf8))
    #expect(old == EncodedExample(ids: [1, 2], supervised: [false, true], source: "x"))
    for example in [pair, rated, old] {
      #expect(try JSONDecoder().decode(EncodedExample.self, from: JSONEncoder().encode(example)) == example)
    }
  }
}
