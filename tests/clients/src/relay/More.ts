// What the tests select beside the document's own queries.

import { graphql } from "relay-runtime";

export const name = graphql`
  query MoreNameQuery($job: JobRef!) {
    job(by: $job) { id name }
  }
`;

export const lines = graphql`
  query MoreLinesQuery($job: JobRef!) {
    job(by: $job) { id log { lineCount } }
  }
`;

export const items = graphql`
  query MoreItemsQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      ... on PipelineItem { name }
    }
  }
`;

export const user = graphql`
  query MoreUserQuery($job: JobRef!) {
    job(by: $job) { id user { databaseId username name } }
  }
`;

export const lessOfUser = graphql`
  query MoreLessOfUserQuery($job: JobRef!) {
    job(by: $job) { id user { databaseId username } }
  }
`;

export const both = graphql`
  query MoreBothQuery($there: JobRef!, $gone: JobRef!) {
    there: job(by: $there) { id name }
    gone: job(by: $gone) @catch(to: RESULT) { id name }
  }
`;
