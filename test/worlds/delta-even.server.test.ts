import { everyOtherScenario, waitingRoute } from './delta.suite.ts';

everyOtherScenario(0);
waitingRoute();
