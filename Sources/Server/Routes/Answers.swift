// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes

extension Reward {
  /// Answer of POST /score for one response.
  func json(id: JSON?, attributes isWanted: Bool, distribution: Bool) -> JSONObject {
    var object = JSONObject()
    object["id"] = id
    object["score"] = .double(overall.expectation)
    object["overall"] = overall.json(distribution: distribution)
    if isWanted {
      var each = JSONObject()
      for attribute in attributes { each[attribute.name] = attribute.json(distribution: distribution) }
      object["attributes"] = .object(each)
      object["facets"] = .object(each)  // the name of earlier versions, for one more
    }
    return object
  }
}

extension Reward.Score {
  fileprivate func json(distribution: Bool) -> JSON {
    var object = JSONObject()
    object["expectation"] = .double(expectation)
    object["variance"] = variance.map { .double($0) }
    // Rounding may leave a variance of a sure model just below zero.
    let deviation = variance.map { JSON.double(max($0, 0).squareRoot()) }
    object["standardDeviation"] = deviation
    object["mass"] = coverage.map { .double($0) }
    // The names of earlier versions, for one more.
    object["standard_deviation"] = deviation
    object["coverage"] = coverage.map { .double($0) }
    if distribution {
      object["values"] = .array(values.map { .double($0) })
      object["probabilities"] = .array(probabilities.map { .double($0) })
    }
    return .object(object)
  }
}

extension ModelDescription {
  /// The model in the answer of GET /health.
  var json: JSON {
    var object = Score(name: name, range: range).json
    let each = JSON.array(attributes.map { .object($0.json) })
    object["attributes"] = each
    object["facets"] = each  // the name of earlier versions, for one more
    return .object(object)
  }
}

extension ModelDescription.Score {
  fileprivate var json: JSONObject {
    var object = JSONObject()
    object["name"] = .string(name)
    object["range"] = range.map { [.double($0.lowerBound), .double($0.upperBound)] } ?? .null
    return object
  }
}
