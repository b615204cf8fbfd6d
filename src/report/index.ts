export { type BridgeReportOptions, bridgeReport } from './bridge-report.ts';
export { type Check, check, type Figure, type Report, reportHtml, reportJson, type Table, writeReport } from './report.ts';
