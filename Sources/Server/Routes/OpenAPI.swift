// SPDX-License-Identifier: Apache-2.0
/// The description of the routes for programs, OpenAPI 3.1.
enum OpenAPI {
  /// The document, as JSON.
  static func text(bodyLimit: Int, itemLimit: Int) -> String {
    #"""
    {
      "openapi": "3.1.0",
      "info": {
        "title": "dist2 reward server", "version": "1",
        "description": "Rates responses of language models. Bodies hold at most \#(bodyLimit) bytes."
      },
      "security": [{}, {"bearer": []}],
      "paths": {
        "/score": {
          "post": {
            "operationId": "score", "summary": "Rate a response, or several",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "anyOf": [
                {"$ref": "#/components/schemas/PromptCall"}, {"$ref": "#/components/schemas/MessagesCall"},
                {"$ref": "#/components/schemas/BatchCall"}
              ]}}}},
            "responses": {
              "200": {"description": "The scores", "content": {"application/json": {"schema": {
                "anyOf": [{"$ref": "#/components/schemas/ModelScored"}, {"$ref": "#/components/schemas/BatchScored"}]
              }}}},
    \#(failures)
            }
          }
        },
        "/rank": {
          "post": {
            "operationId": "rank", "summary": "Order responses to one prompt, the best first",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "$ref": "#/components/schemas/RankCall"}}}},
            "responses": {
              "200": {"description": "The order", "content": {"application/json": {"schema": {
                "$ref": "#/components/schemas/Ranked"}}}},
    \#(failures)
            }
          }
        },
        "/health": {
          "get": {
            "operationId": "health", "summary": "Whether the server takes requests", "security": [{}],
            "responses": {
              "200": {"description": "It does", "content": {"application/json": {"schema": {
                "$ref": "#/components/schemas/Health"}}}},
              "503": {"description": "It is shutting down", "content": {"application/json": {"schema": {
                "$ref": "#/components/schemas/Health"}}}}
            }
          }
        },
        "/metrics": {
          "get": {
            "operationId": "metrics", "summary": "Counters in Prometheus' text format",
            "responses": {"200": {"description": "The counters", "content": {"text/plain": {"schema": {
              "type": "string"}}}}, "401": {"$ref": "#/components/responses/Error"}}
          }
        },
        "/openapi.json": {
          "get": {
            "operationId": "openapi", "summary": "This document",
            "responses": {"200": {"description": "The document", "content": {"application/json": {"schema": {
              "type": "object"}}}}, "401": {"$ref": "#/components/responses/Error"}}
          }
        },
        "/": {
          "get": {
            "operationId": "page", "summary": "A page to try the model on",
            "responses": {"200": {"description": "The page", "content": {"text/html": {"schema": {
              "type": "string"}}}}, "401": {"$ref": "#/components/responses/Error"}}
          }
        }
      },
      "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        "responses": {
          "Error": {"description": "Why there is no answer", "content": {"application/json": {"schema": {
            "$ref": "#/components/schemas/Failure"}}}},
          "Full": {
            "description": "The queue is full",
            "headers": {"Retry-After": {"required": true, "description": "Seconds", "schema": {
              "type": "integer", "minimum": 1}}},
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
          }
        },
        "schemas": {
    \#(requestSchemas(itemLimit)),
    \#(answerSchemas)
        }
      }
    }

    """#
  }

  private static let failures =
    ["400", "401", "403", "408", "413", "415", "422", "500", "501", "503", "504"]
    .map { ##"          "\##($0)": {"$ref": "#/components/responses/Error"},"## }.joined(separator: "\n")
    + "\n" + ##"          "429": {"$ref": "#/components/responses/Full"}"##

  private static let settings = #"""
    "attributes": {"type": ["boolean", "null"], "default": true, "description": "Whether attributes are rated too"},
            "facets": {"type": ["boolean", "null"], "deprecated": true, "description": "Old name of attributes"},
            "distribution": {"type": ["boolean", "null"], "default": false,
              "description": "Whether values and probabilities are given"}
    """#

  private static func requestSchemas(_ itemLimit: Int) -> String {
    #"""
          "Id": {"anyOf": [{"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
            {"type": "string", "maxLength": 64}, {"type": "null"}], "description": "Given back as it came"},
          "Message": {"type": "object", "additionalProperties": false, "required": ["role", "content"],
            "properties": {"role": {"enum": ["system", "user", "assistant"]}, "content": {"type": "string"}}},
          "Messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Message"}},
          "Prompt": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/Messages"}],
            "description": "A question, or a conversation that ends with the user's turn"},
          "PromptItem": {"type": "object", "additionalProperties": false, "required": ["prompt", "response"],
            "properties": {"id": {"$ref": "#/components/schemas/Id"},
              "prompt": {"$ref": "#/components/schemas/Prompt"}, "response": {"type": "string"}}},
          "MessagesItem": {"type": "object", "additionalProperties": false, "required": ["messages"],
            "description": "A conversation whose last message, the assistant's, is rated",
            "properties": {"id": {"$ref": "#/components/schemas/Id"},
              "messages": {"$ref": "#/components/schemas/Messages"}}},
          "PromptCall": {"type": "object", "additionalProperties": false, "required": ["prompt", "response"],
            "properties": {"id": {"$ref": "#/components/schemas/Id"},
              "prompt": {"$ref": "#/components/schemas/Prompt"}, "response": {"type": "string"},
            \#(settings)}},
          "MessagesCall": {"type": "object", "additionalProperties": false, "required": ["messages"],
            "properties": {"id": {"$ref": "#/components/schemas/Id"},
              "messages": {"$ref": "#/components/schemas/Messages"},
            \#(settings)}},
          "BatchCall": {"type": "object", "additionalProperties": false, "required": ["items"],
            "properties": {"items": {"type": "array", "maxItems": \#(itemLimit), "items": {"anyOf": [
              {"$ref": "#/components/schemas/PromptItem"}, {"$ref": "#/components/schemas/MessagesItem"}]}},
            \#(settings)}},
          "RankCall": {"anyOf": [
            {"type": "object", "additionalProperties": false, "required": ["prompt", "responses"],
              "properties": {"prompt": {"$ref": "#/components/schemas/Prompt"},
                "responses": {"$ref": "#/components/schemas/Responses"}}},
            {"type": "object", "additionalProperties": false, "required": ["messages", "responses"],
              "properties": {"messages": {"$ref": "#/components/schemas/Messages"},
                "responses": {"$ref": "#/components/schemas/Responses"}}}]},
          "Responses": {"type": "array", "minItems": 1, "maxItems": \#(itemLimit), "items": {"type": "string"}}
    """#
  }

  private static let answerSchemas = #"""
          "Score": {"type": "object", "additionalProperties": false, "required": ["expectation"],
            "properties": {
              "expectation": {"type": "number", "description": "The sum of v p(v)"},
              "variance": {"type": "number"}, "standardDeviation": {"type": "number", "minimum": 0},
              "mass": {"type": "number", "description": "How probable it was that the model says a value at all"},
              "standard_deviation": {"type": "number", "deprecated": true, "description": "standardDeviation"},
              "coverage": {"type": "number", "deprecated": true, "description": "mass"},
              "values": {"type": "array", "items": {"type": "number"}},
              "probabilities": {"type": "array", "items": {"type": "number"}}}},
          "Scores": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Score"}},
          "OldScores": {"type": "object", "deprecated": true, "description": "The same by the name of earlier versions",
            "additionalProperties": {"$ref": "#/components/schemas/Score"}},
          "Scored": {"type": "object", "additionalProperties": false, "required": ["score", "overall"],
            "properties": {"id": {"$ref": "#/components/schemas/Id"}, "score": {"type": "number"},
              "overall": {"$ref": "#/components/schemas/Score"},
              "attributes": {"$ref": "#/components/schemas/Scores"},
              "facets": {"$ref": "#/components/schemas/OldScores"}}},
          "ModelScored": {"type": "object", "additionalProperties": false, "required": ["score", "overall", "model"],
            "properties": {"id": {"$ref": "#/components/schemas/Id"}, "score": {"type": "number"},
              "overall": {"$ref": "#/components/schemas/Score"}, "model": {"type": "string"},
              "attributes": {"$ref": "#/components/schemas/Scores"},
              "facets": {"$ref": "#/components/schemas/OldScores"}}},
          "BatchScored": {"type": "object", "additionalProperties": false, "required": ["items", "model"],
            "properties": {"model": {"type": "string"}, "items": {"type": "array", "items": {"anyOf": [
              {"$ref": "#/components/schemas/Scored"}, {"$ref": "#/components/schemas/ItemFailure"}]}}}},
          "Ranked": {"type": "object", "additionalProperties": false, "required": ["ranking", "failed", "model"],
            "properties": {"model": {"type": "string"},
              "ranking": {"type": "array", "items": {"type": "object", "additionalProperties": false,
                "required": ["index", "score"],
                "properties": {"index": {"type": "integer", "minimum": 0}, "score": {"type": "number"}}}},
              "failed": {"type": "array", "items": {"type": "object", "additionalProperties": false,
                "required": ["index", "error"],
                "properties": {"index": {"type": "integer", "minimum": 0},
                  "error": {"$ref": "#/components/schemas/Error"}}}}}},
          "Error": {"type": "object", "additionalProperties": false,
            "required": ["code", "message", "place", "expected", "found", "remedy"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "place": {"type": "string"},
              "expected": {"type": "string"}, "found": {"type": "string"}, "remedy": {"type": "string"}}},
          "Failure": {"type": "object", "additionalProperties": false, "required": ["error"],
            "properties": {"error": {"$ref": "#/components/schemas/Error"}}},
          "ItemFailure": {"type": "object", "additionalProperties": false, "required": ["error"],
            "properties": {"id": {"$ref": "#/components/schemas/Id"}, "error": {"$ref": "#/components/schemas/Error"}}},
          "Range": {"anyOf": [{"type": "null"}, {"type": "array", "minItems": 2, "maxItems": 2,
            "items": {"type": "number"}}]},
          "Health": {"type": "object", "additionalProperties": false,
            "required": ["status", "model", "uptime_seconds", "queue"],
            "properties": {"status": {"enum": ["ready", "shutting down"]}, "uptime_seconds": {"type": "number"},
              "queue": {"type": "object", "additionalProperties": false, "required": ["waiting", "limit"],
                "properties": {"waiting": {"type": "integer"}, "limit": {"type": "integer"}}},
              "model": {"type": "object", "additionalProperties": false, "required": ["name", "range", "attributes"],
                "properties": {"name": {"type": "string"}, "range": {"$ref": "#/components/schemas/Range"},
                  "attributes": {"$ref": "#/components/schemas/Attributes"},
                  "facets": {"$ref": "#/components/schemas/Attributes"}}}}},
          "Attributes": {"type": "array", "items": {"type": "object", "additionalProperties": false,
            "required": ["name", "range"],
            "properties": {"name": {"type": "string"}, "range": {"$ref": "#/components/schemas/Range"}}}}
    """#
}
