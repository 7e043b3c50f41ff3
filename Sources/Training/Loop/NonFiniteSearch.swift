// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch
import TorchNN

extension Trainer {
  /// Finds out where a loss or gradient ceased to be finite. Slow, but the run ends here.
  func explain(
    _ losses: [BatchLosses], _ batches: [TokenBatch], _ denominators: Denominators, epoch: Int
  ) -> any Error {
    var found = NonFinite(step: progress.step + 1, epoch: epoch + 1, lossTerms: [], examples: [], parameters: [])
    do {
      let supervised = batches.filter { !objective.rows(of: $0.supervision).isEmpty }
      for (batch, value) in zip(supervised, losses) where !value.loss.isFinite {
        for lossTerm in value.lossTerms where !lossTerm.value.isFinite && !found.lossTerms.contains(lossTerm.name) {
          found.lossTerms.append(lossTerm.name)
        }
        found.examples += try withTorchErrors { try noGrad { try examples(of: batch, denominators) } }
      }
      if found.lossTerms.isEmpty {
        let norms = try withTorchErrors { gradients.all.map { $0?.norm().item() ?? 0 } }
        found.parameters = zip(parameters, norms).filter { !$1.isFinite }.map(\.0.key)
      }
    } catch {
      return error
    }
    if found.examples.isEmpty { found.examples = batches.flatMap(\.sources) }
    return TrainingError.nonFinite(found)
  }

  /// The examples of a batch whose own loss is not finite.
  private func examples(of batch: TokenBatch, _ denominators: Denominators) throws -> [String] {
    let bad = try batch.sources.indices.filter { index in
      var alone = batch
      let own = batch.documents[batch.documentsOfExamples[index]]
      alone.supervision = batch.supervision.restricted { row in own.contains { $0.contains(Int(row)) } }
      return try !(loss(of: alone, denominators)?.total.item().isFinite ?? true)
    }
    return bad.map { batch.sources[$0] }
  }
}

extension Supervision {
  /// The supervised positions whose rows of the flattened hidden states are chosen, and what belongs to them.
  func restricted(to isChosen: (Int32) -> Bool) -> Supervision {
    func numbered(_ kept: [Int]) -> [Int: Int] { Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) }) }
    let kept = logitRows.indices.filter { isChosen(logitRows[$0]) }, renumbered = numbered(kept)
    let read = pooledPositions.indices.filter { isChosen(pooledPositions[$0]) }, renamed = numbered(read)
    var part = self
    part.logitRows = kept.map { logitRows[$0] }
    part.labels = kept.map { labels[$0] }
    part.metrics = metrics.compactMap { target in
      guard let logitRow = renumbered[target.logitRow] else { return nil }
      var target = target
      target.logitRow = logitRow
      return target
    }
    part.pooledPositions = read.map { pooledPositions[$0] }
    part.ratings = ratings.compactMap { target in
      renamed[target.pooledPosition].map { RatingTarget(pooledPosition: $0, values: target.values) }
    }
    part.comparisons = comparisons.compactMap { target in
      guard let chosen = renamed[target.chosen], let rejected = renamed[target.rejected] else { return nil }
      return ComparisonTarget(chosen: chosen, rejected: rejected, margin: target.margin)
    }
    (part.documents, part.groups) = restrictedGroups { renumbered[$0] != nil }
    return part
  }

  /// The groups of documents all of whose learnt tokens are chosen, and their documents.
  private func restrictedGroups(to isChosen: (Int) -> Bool) -> (documents: [DocumentTarget], groups: [DocumentGroup]) {
    var documents = [DocumentTarget](), groups = [DocumentGroup](), end = 0
    for group in self.groups where group.documents.allSatisfy({ self.documents[$0].tokens.allSatisfy(isChosen) }) {
      let first = documents.count
      for document in self.documents[group.documents] {
        documents.append(DocumentTarget(tokens: end..<end + document.tokens.count, values: document.values))
        end += document.tokens.count
      }
      groups.append(DocumentGroup(documents: first..<documents.count, worth: group.worth, weight: group.weight))
    }
    return (documents, groups)
  }
}
